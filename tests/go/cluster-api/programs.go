//go:build programs

// Package programs names the commands that build.sh builds from this module, so that "go mod tidy" keeps what they need.
package programs

import (
	_ "sigs.k8s.io/cluster-api"
	_ "sigs.k8s.io/cluster-api/bootstrap/kubeadm"
	_ "sigs.k8s.io/cluster-api/controlplane/kubeadm"
)
