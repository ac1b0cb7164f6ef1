//! Charts to test with.

use std::path::{Path, PathBuf};

use helm::Chart;

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.helm.test}
spec:
  group: helm.test
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                version: {type: string}
                replicas: {type: integer, minimum: 0}
                color: {type: string, default: grey}
              x-kubernetes-validations:
                - rule: \"self.version != 'v9'\"
                  message: v9 is forbidden
";

const TEMPLATE: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {v: {{ .Values.version | quote }}, revision-free: "yes"}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-secret}
stringData:
  key: |
    {{ .Values.version }}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: a}
  ports: [{name: http, port: 80}, {name: https, port: 443}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 0
  selector: {matchLabels: {app: a}}
  strategy: {type: RollingUpdate}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - name: main
          image: example/{{ .Values.version }}
          env: [{name: A, value: "1"}, {name: V, value: {{ .Values.version }}}]
---
apiVersion: helm.test/v1
kind: Widget
metadata: {name: {{ .Release.Name }}}
spec: {version: {{ .Values.version }}, replicas: 2}
{{- if .Values.second }}
---
apiVersion: helm.test/v1
kind: Widget
metadata:
  name: {{ .Release.Name }}-second
  annotations: {example.com/a: b}
spec: {version: {{ .Values.secondVersion | default .Values.version }}}
{{- end }}
{{- if .Values.kept }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-kept, annotations: {helm.sh/resource-policy: keep}}
{{- end }}
"#;

/// A chart with built-in kinds, a custom one with rules of its own, an object to be kept, and a CRD.
pub fn widgets() -> Chart {
    Chart::from_files([
        (
            "Chart.yaml",
            "apiVersion: v2\nname: widgets\nversion: 1.2.3\nappVersion: '7'\n",
        ),
        ("values.yaml", "version: v1\nsecond: false\nkept: true\n"),
        ("templates/all.yaml", TEMPLATE),
        ("crds/widgets.yaml", CRD),
    ])
    .unwrap()
}

/// The repository's own chart.
pub fn builtin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conductor/chart")
}

/// A chart as a folder, for helm to read, and as we load it from there.
pub struct ChartDir(tempfile::TempDir);

impl ChartDir {
    /// A folder with these files.
    pub fn with<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            dir.write(name, text);
        }
        dir
    }

    /// A folder with the files of a chart.
    pub fn of(chart: &Chart) -> Self {
        let metadata = serde_json::to_string(&chart.metadata).unwrap();
        let values = serde_json::to_string(&chart.values).unwrap();
        let dir = Self::with([
            ("Chart.yaml", metadata.as_str()),
            ("values.yaml", values.as_str()),
        ]);
        for file in chart.templates.iter().chain(&chart.files) {
            dir.write(&file.name, std::str::from_utf8(&file.data).unwrap());
        }
        dir
    }

    /// A copy of a folder.
    pub fn copy(from: &Path) -> Self {
        let dir = Self(tempfile::tempdir().unwrap());
        copy_into(from, dir.path());
        dir
    }

    /// Adds or replaces a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn text(&self) -> &str {
        self.path().to_str().unwrap()
    }

    pub fn chart(&self) -> Chart {
        Chart::from_dir(self.path()).unwrap()
    }
}

fn copy_into(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
