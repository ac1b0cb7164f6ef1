#!/bin/bash
# Build the Go parts of the test stack: kube-apiserver, kubectl, etcd, Cluster API's managers and the machine room.
#
#   build.sh FOLDER [NAME...]   build the named programs (all by default) that FOLDER does not have yet
#   build.sh --key              print the version key: programs built under one key are interchangeable
#   build.sh --names            print the names of all programs, one per line
#   build.sh --cluster-api      print the folder of Cluster API's module source (CRDs, webhook manifests)
#
# Programs appear in FOLDER only when complete. Several calls at once wait for each other.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
modules=("$here/kubernetes" "$here/cluster-api")
room=$here/../machine-room

die() { echo "build.sh: $*" >&2; exit 1; }

# No pipe into `grep -q`: it leaves at the first match, and under pipefail the writer's SIGPIPE then says "not found".
one_of() { # word, list...
  local word=$1 other; shift
  for other; do [[ $other != "$word" ]] || return 0; done
  return 1
}

# The go.mod files are the one place where versions stand.
version_of() { # module folder, module
  awk -v want="$2" '{ for (i = 1; i < NF; i++) if ($i == want && $(i + 1) ~ /^v/) { print substr($(i + 1), 2); exit } }' "$here/$1/go.mod"
}
KUBERNETES_VERSION=$(version_of kubernetes k8s.io/kubernetes)
ETCD_VERSION=$(version_of kubernetes go.etcd.io/etcd/server/v3)
CLUSTER_API_VERSION=$(version_of cluster-api sigs.k8s.io/cluster-api)
GO_MINIMUM=$(awk '$1 == "go" { print $2 }' "$here/kubernetes/go.mod")

# name | module folder | package | version | what it is
component_version=k8s.io/component-base/version
kube_flags="-X $component_version.gitVersion=v$KUBERNETES_VERSION -X $component_version.gitMajor=${KUBERNETES_VERSION%%.*}"
kube_minor=${KUBERNETES_VERSION#*.}
kube_flags+=" -X $component_version.gitMinor=${kube_minor%%.*}"
programs=(
  "etcd|kubernetes|go.etcd.io/etcd/server/v3|$ETCD_VERSION|"
  "kube-apiserver|kubernetes|k8s.io/kubernetes/cmd/kube-apiserver|$KUBERNETES_VERSION|$kube_flags"
  "kubectl|kubernetes|k8s.io/kubernetes/cmd/kubectl|$KUBERNETES_VERSION|$kube_flags"
  "capi-core-manager|cluster-api|sigs.k8s.io/cluster-api|$CLUSTER_API_VERSION|"
  "capi-kubeadm-bootstrap-manager|cluster-api|sigs.k8s.io/cluster-api/bootstrap/kubeadm|$CLUSTER_API_VERSION|"
  "capi-kubeadm-control-plane-manager|cluster-api|sigs.k8s.io/cluster-api/controlplane/kubeadm|$CLUSTER_API_VERSION|"
  "machine-room|../machine-room|.|of this repository|"
)

sum() { cat "$@" | sha256sum | cut -c1-12; }
room_sum() { sum "$room"/go.mod "$room"/go.sum "$room"/*.go; }

go_toolchain() {
  command -v go >/dev/null || die "no 'go' on PATH; install Go $GO_MINIMUM or newer (https://go.dev/dl)"
  # Asked in the module's folder: a Go that may fetch a newer one by itself (GOTOOLCHAIN) then answers for that.
  local have; have=$(cd "$here/kubernetes" && go env GOVERSION 2>/dev/null) || have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
  have=${have#go}
  [[ $(printf '%s\n' "$GO_MINIMUM" "${have%%[-+ ]*}" | sort -V | head -1) == "$GO_MINIMUM" ]] ||
    die "go $have is too old; install Go $GO_MINIMUM or newer (https://go.dev/dl)"
}

# The room changes with this repository, so a stamp of its sources decides; all else is decided by the key.
present() { # folder name
  [[ -x $1/$2 ]] && { [[ $2 != machine-room ]] || [[ $(cat "$1/.machine-room.sources" 2>/dev/null) == "$(room_sum)" ]]; }
}

build() { # folder name module package version linker-flags
  local new=$1/.$2.new.$$
  (cd "$here/$3" && GOWORK=off nice go build -mod=readonly -trimpath -buildvcs=false -ldflags "-s -w ${6:-}" -o "$new" "$4") ||
    { rm -f "$new"; die "building $2 failed"; }
  mv -f "$new" "$1/$2"
  [[ $2 != machine-room ]] || room_sum >"$1/.machine-room.sources"
}

case ${1:-} in
--key)
  echo "kubernetes-$KUBERNETES_VERSION-cluster-api-$CLUSTER_API_VERSION-$(sum "${modules[@]/%//go.mod}" "${modules[@]/%//go.sum}")"
  exit ;;
--names) printf '%s\n' "${programs[@]%%|*}"; exit ;;
--cluster-api)
  go_toolchain
  cd "$here/cluster-api" && export GOWORK=off GOFLAGS= && go mod download sigs.k8s.io/cluster-api && go list -m -f '{{.Dir}}' sigs.k8s.io/cluster-api
  exit ;;
-* | "") sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac

mkdir -p "$1"; folder=$(cd "$1" && pwd); shift
wanted=("$@")
[[ ${#wanted[@]} -gt 0 ]] || mapfile -t wanted < <(printf '%s\n' "${programs[@]%%|*}")
for name in "${wanted[@]}"; do
  one_of "$name" "${programs[@]%%|*}" || die "no program is called '$name'; there are: $(echo "${programs[@]%%|*}")"
done
exec 9>"$folder/.lock"
flock -n 9 || { echo "waiting for another build into $folder"; flock 9; }

missing=()
for name in "${wanted[@]}"; do present "$folder" "$name" || missing+=("$name"); done
[[ ${#missing[@]} -gt 0 ]] || exit 0
go_toolchain
[[ ${#missing[@]} -lt 3 ]] || echo "building ${#missing[@]} programs with $(go env GOVERSION) into $folder: about 6 minutes on 2 cores the first time"
number=0
for program in "${programs[@]}"; do
  IFS='|' read -r name module package version flags <<<"$program"
  one_of "$name" "${missing[@]}" || continue
  number=$((number + 1))
  echo "building $name $version ($number of ${#missing[@]}) ..."
  began=$SECONDS
  build "$folder" "$name" "$module" "$package" "$version" "$flags"
  echo "built $name in $((SECONDS - began)) s"
done
