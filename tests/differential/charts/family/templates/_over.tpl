{{ define "child.who" }}parent says {{ .Chart.Name }}{{ end }}
