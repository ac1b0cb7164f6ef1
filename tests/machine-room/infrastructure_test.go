package main

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// stage is a room over a management cluster in memory.
type stage struct {
	*testing.T
	room *Room
}

func newStage(t *testing.T, objects ...client.Object) *stage {
	statuses := []client.Object{newObject(openStackClusterGVK), newObject(openStackMachineGVK), newObject(helmReleaseGVK)}
	c := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithStatusSubresource(statuses...).WithObjects(objects...).Build()
	return &stage{t, &Room{Client: c, home: t.TempDir(), network: "127.223", workloads: map[client.ObjectKey]*Workload{}}}
}

// look reconciles the object once and returns what it is afterwards.
func (s *stage) look(gvk schema.GroupVersionKind, name string) *Object {
	s.Helper()
	reconcile := map[schema.GroupVersionKind]func(context.Context, *Object) (ctrl.Result, error){
		openStackClusterGVK: s.room.reconcileOpenStackCluster,
		openStackMachineGVK: s.room.reconcileOpenStackMachine,
		helmReleaseGVK:      s.room.reconcileAddon,
	}[gvk]
	key := client.ObjectKey{Namespace: "ns", Name: name}
	if _, err := s.room.reconciler(gvk, reconcile).Reconcile(s.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		s.Fatal(err)
	}
	u := newObject(gvk)
	if err := s.room.Get(s.Context(), key, u); err != nil {
		s.Fatal(err)
	}
	return &Object{Unstructured: u}
}

// annotate sets a setting of the room on the namespace; no value takes it away.
func (s *stage) annotate(key, value string) {
	s.Helper()
	ns := &corev1.Namespace{}
	if err := s.room.Get(s.Context(), client.ObjectKey{Name: "ns"}, ns); err != nil {
		s.Fatal(err)
	}
	ns.Annotations["room/"+key] = value
	if value == "" {
		delete(ns.Annotations, "room/"+key)
	}
	if err := s.room.Update(s.Context(), ns); err != nil {
		s.Fatal(err)
	}
}

func (o *Object) find(typ string) map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, x := range list {
		if c := x.(map[string]any); c["type"] == typ {
			return c
		}
	}
	return nil
}

func named(gvk schema.GroupVersionKind, name string, fields map[string]any) *unstructured.Unstructured {
	u := newObject(gvk)
	u.SetNamespace("ns")
	u.SetName(name)
	u.SetUID("uid-of-" + u.GetUID())
	for k, v := range fields {
		u.Object[k] = v
	}
	return u
}

// world is a Cluster with its OpenStackCluster and a Machine with its OpenStackMachine; nothing takes any time.
func world(infraReady bool) []client.Object {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns", Annotations: map[string]string{
		"room/cluster-seconds": "0", "room/build-seconds": "0"}}}
	owner := func(u *unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
		u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "cluster.x-k8s.io/v1beta2", Kind: kind, Name: name, UID: "1"}})
		return u
	}
	infra := named(openStackClusterGVK, "c1", map[string]any{"spec": map[string]any{"apiServerPort": int64(6444)}, "status": map[string]any{"ready": infraReady}})
	machine := named(openStackMachineGVK, "m1", map[string]any{"spec": map[string]any{}})
	machine.SetLabels(map[string]string{clusterNameLabel: "c1"})
	return []client.Object{ns,
		named(clusterGVK, "c1", map[string]any{"spec": map[string]any{"infrastructureRef": map[string]any{"name": "c1"}}}),
		owner(infra, "Cluster", "c1"),
		named(machineGVK, "m1", map[string]any{"spec": map[string]any{"bootstrap": map[string]any{"dataSecretName": "boot"}}}),
		owner(machine, "Machine", "m1"),
	}
}

func TestNetworkFailsAndRecovers(t *testing.T) {
	s := newStage(t, world(false)...)
	s.annotate("cluster-fail", "quota exceeded")
	o := s.look(openStackClusterGVK, "c1")
	ready := o.find("Ready")
	if ready["status"] != "False" || ready["reason"] != "OpenStackError" || ready["message"] != "failed to find network: quota exceeded" {
		t.Errorf("condition %v", ready)
	}
	if o.flag("status", "ready") || o.str("status", "failureReason") != "" {
		t.Errorf("status %v", o.Object["status"])
	}
	s.annotate("cluster-fail", "")
	o = s.look(openStackClusterGVK, "c1")
	host := o.str("spec", "controlPlaneEndpoint", "host")
	port, _, _ := unstructured.NestedInt64(o.Object, "spec", "controlPlaneEndpoint", "port")
	if !o.flag("status", "ready") || !strings.HasPrefix(host, "127.223.") || port != 6444 || o.find("Ready")["status"] != "True" {
		t.Errorf("%s:%d, status %v", host, port, o.Object["status"])
	}
	if again := s.look(openStackClusterGVK, "c1"); again.GetResourceVersion() != o.GetResourceVersion() {
		t.Error("written again without a change")
	}
}

func TestServerWaitsForNetworkFailsAndStarts(t *testing.T) {
	s := newStage(t, world(false)...)
	if c := s.look(openStackMachineGVK, "m1").find("Ready"); c["reason"] != "WaitingForClusterInfrastructure" {
		t.Errorf("condition %v", c)
	}
	s = newStage(t, world(true)...)
	s.annotate("fail", "Quota exceeded for cores")
	o := s.look(openStackMachineGVK, "m1")
	if c := o.find("InstanceReady"); c["reason"] != "InstanceCreateFailed" || c["severity"] != "Error" || c["message"] != "Quota exceeded for cores" {
		t.Errorf("condition %v", c)
	}
	s.annotate("fail", "")
	o = s.look(openStackMachineGVK, "m1")
	if !o.flag("status", "ready") || o.str("status", "instanceState") != "ACTIVE" || !strings.HasPrefix(o.str("spec", "providerID"), "openstack:///") {
		t.Errorf("spec %v status %v", o.Object["spec"], o.Object["status"])
	}
	s = newStage(t, world(true)...)
	s.annotate("fail", "no valid host")
	s.annotate("fail-terminal", "yes")
	s.look(openStackMachineGVK, "m1")
	s.annotate("fail", "")
	if o = s.look(openStackMachineGVK, "m1"); o.str("status", "failureReason") != "CreateError" || o.flag("status", "ready") {
		t.Errorf("a terminal failure was healed: %v", o.Object["status"])
	}
}

func TestServerThatNeverBoots(t *testing.T) {
	s := newStage(t, world(true)...)
	s.annotate("never-ready", "instance")
	o := s.look(openStackMachineGVK, "m1")
	if o.flag("status", "ready") || o.str("status", "instanceState") != "BUILD" {
		t.Errorf("status %v", o.Object["status"])
	}
}

func TestPausedClusterIsLeftAlone(t *testing.T) {
	s := newStage(t, world(false)...)
	cluster := newObject(clusterGVK)
	if err := s.room.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "c1"}, cluster); err != nil {
		t.Fatal(err)
	}
	_ = unstructured.SetNestedField(cluster.Object, true, "spec", "paused")
	if err := s.room.Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	if o := s.look(openStackClusterGVK, "c1"); o.flag("status", "ready") || len(o.GetFinalizers()) > 0 {
		t.Errorf("changed while paused: %v", o.Object)
	}
}

func TestAddonWaitsForItsCluster(t *testing.T) {
	release := named(helmReleaseGVK, "cni", map[string]any{"spec": map[string]any{"clusterName": "c1", "bootstrap": true}})
	release.SetLabels(map[string]string{addonComponent: "cni-calico", "capi.stackhpc.com/cluster": "c1"})
	s := newStage(t, append(world(true), release)...)
	o := s.look(helmReleaseGVK, "cni")
	if o.str("status", "phase") != "Pending" || o.GetFinalizers()[0] != addonFinalizer {
		t.Errorf("status %v", o.Object["status"])
	}
	node := &Object{Unstructured: newObject(openStackMachineGVK), room: s.room}
	node.SetNamespace("ns")
	node.cluster = named(clusterGVK, "c1", nil)
	if missing := missingCNI(t.Context(), s.room, node); missing != "cni" {
		t.Errorf("nodes could be ready without %q", missing)
	}
}
