{{ define "child.who" }}child {{ .Chart.Name }}{{ end }}
