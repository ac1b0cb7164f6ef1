package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kubeadmInit writes what "kubeadm init" leaves in a new cluster and KubeadmControlPlane looks for.
func kubeadmInit(ctx context.Context, api client.Client, o *Object, endpoint, version string) error {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "kube-system", Name: name} }
	labels := map[string]string{"k8s-app": "kube-proxy"}
	for _, obj := range []client.Object{
		&corev1.ConfigMap{ObjectMeta: meta("kubeadm-config"), Data: map[string]string{"ClusterConfiguration": fmt.Sprintf(
			"apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nclusterName: %s\ncontrolPlaneEndpoint: %s\nkubernetesVersion: %s\nimageRepository: registry.k8s.io\n",
			o.cluster.GetName(), endpoint, version)}},
		&corev1.ConfigMap{ObjectMeta: meta("kubelet-config"), Data: map[string]string{"kubelet": "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"}},
		&appsv1.DaemonSet{ObjectMeta: meta("kube-proxy"), Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "kube-proxy", Image: "registry.k8s.io/kube-proxy:" + version}}}}}},
	} {
		if err := api.Create(ctx, obj); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// powerOn is called again and again while the machine runs: it brings up what the machine hosts
// and plays its kubelet. ready is what the kubelet says once the machine has had its time.
func (w *Workload) powerOn(ctx context.Context, r *Room, o *Object, address string, ready bool) error {
	controlPlane := w.isControlPlane(o)
	if controlPlane {
		if err := w.up(ctx, r, o); err != nil {
			return err
		}
	}
	version, _, _ := unstructured.NestedString(o.machine.Object, "spec", "version")
	api, err := w.initialized(ctx, o, controlPlane, version)
	if err != nil {
		return err
	}
	node := &corev1.Node{}
	err = api.Get(ctx, client.ObjectKey{Name: o.GetName()}, node)
	if apierrors.IsNotFound(err) {
		if o.machine.GetDeletionTimestamp() != nil {
			return nil // the Machine controller has just removed the node; do not register again
		}
		node = newNode(o, controlPlane, kubeletLabels(ctx, r, o))
		err = api.Create(ctx, node)
	}
	if err != nil {
		return err
	}
	status := corev1.ConditionTrue
	reason, message := "KubeletReady", "kubelet is posting ready status"
	if cni := missingCNI(ctx, r, o); cni != "" || !ready {
		status, reason = corev1.ConditionFalse, "KubeletNotReady"
		message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
	}
	switch o.setting("node-ready") {
	case "False":
		status, reason, message = corev1.ConditionFalse, "KubeletNotReady", "PLEG is not healthy"
	case "Unknown":
		status, reason, message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
	}
	base := node.DeepCopy()
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}, {Type: corev1.NodeHostName, Address: o.GetName()}, {Type: corev1.NodeExternalDNS, Address: w.host}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = kubeletPort
	node.Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: version, KubeProxyVersion: version, OSImage: "Ubuntu 22.04.5 LTS",
		OperatingSystem: "linux", Architecture: "amd64", KernelVersion: "5.15.0", ContainerRuntimeVersion: "containerd://1.7.20",
		MachineID: id(o.Unstructured, "machine"), SystemUUID: id(o.Unstructured, ""), BootID: id(o.Unstructured, "boot")}
	nodeCondition(node, corev1.NodeReady, status, reason, message)
	for typ, reason := range map[corev1.NodeConditionType]string{corev1.NodeMemoryPressure: "KubeletHasSufficientMemory", corev1.NodeDiskPressure: "KubeletHasNoDiskPressure", corev1.NodePIDPressure: "KubeletHasSufficientPID"} {
		nodeCondition(node, typ, corev1.ConditionFalse, reason, "")
	}
	if err := api.Status().Patch(ctx, node, client.MergeFrom(base)); err != nil {
		return err
	}
	// The API server taints new nodes; kube-controller-manager would take the taint off.
	if i := slices.IndexFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNotReady }); i >= 0 && status == corev1.ConditionTrue {
		base := node.DeepCopy()
		node.Spec.Taints = slices.Delete(node.Spec.Taints, i, i+1)
		if err := api.Patch(ctx, node, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
			return err
		}
	}
	if !controlPlane {
		return nil
	}
	w.join(o.GetName(), o.setting("etcd-fail"))
	for _, component := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		if err := staticPod(ctx, api, component, o.GetName(), version, o.setting("pod-fail") != component); err != nil {
			return err
		}
	}
	return nil
}

// initialized returns the cluster's API once a control plane machine has done what "kubeadm init" does.
func (w *Workload) initialized(ctx context.Context, o *Object, controlPlane bool, version string) (client.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.api == nil {
		return nil, errors.New("no control plane to join")
	}
	if w.inited {
		return w.api, nil
	}
	if !controlPlane {
		return nil, errors.New("control plane is not initialized")
	}
	if err := kubeadmInit(ctx, w.api, o, w.endpoint, version); err != nil {
		return nil, err
	}
	w.inited = true
	return w.api, nil
}

// client returns the cluster's API, nil while it does not answer.
func (w *Workload) client() client.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.api
}

// powerOff is what remains when the server is deleted: no kubelet, no etcd member process, no static pods.
// The Node and the etcd membership are left to the Machine and KubeadmControlPlane controllers.
func (w *Workload) powerOff(ctx context.Context, name string) error {
	w.leave(name)
	api := w.client()
	if api == nil {
		return nil
	}
	pods := &corev1.PodList{}
	if err := api.List(ctx, pods, client.MatchingFields{"spec.nodeName": name}); err != nil {
		return err
	}
	for i := range pods.Items {
		if err := api.Delete(ctx, &pods.Items[i], client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

func newNode(o *Object, controlPlane bool, labels map[string]string) *corev1.Node {
	for k, v := range map[string]string{corev1.LabelHostname: o.GetName(), corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64"} {
		labels[k] = v
	}
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: o.GetName(), Labels: labels}}
	n.Spec.ProviderID = o.str("spec", "providerID")
	if controlPlane {
		labels["node-role.kubernetes.io/control-plane"] = ""
		n.Spec.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}
	} else {
		n.Spec.Taints = []corev1.Taint{{Key: "node.cluster.x-k8s.io/uninitialized", Effect: corev1.TaintEffectNoSchedule}}
	}
	return n
}

// kubeletLabels reads the node labels that the KubeadmConfig of the Machine gives to the kubelet.
func kubeletLabels(ctx context.Context, r *Room, o *Object) map[string]string {
	labels := map[string]string{}
	name, _, _ := unstructured.NestedString(o.machine.Object, "spec", "bootstrap", "configRef", "name")
	config := newObject(kubeadmConfigGVK)
	if err := r.Get(ctx, client.ObjectKey{Namespace: o.GetNamespace(), Name: name}, config); err != nil {
		return labels
	}
	args, _, _ := unstructured.NestedSlice(config.Object, "spec", "joinConfiguration", "nodeRegistration", "kubeletExtraArgs")
	for _, a := range args {
		arg := a.(map[string]any)
		if arg["name"] != "node-labels" {
			continue
		}
		for _, pair := range strings.Split(fmt.Sprint(arg["value"]), ",") {
			k, v, _ := strings.Cut(pair, "=")
			labels[k] = v
		}
	}
	return labels
}

func nodeCondition(n *corev1.Node, typ corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) {
	now := metav1.Now()
	c := corev1.NodeCondition{Type: typ, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now}
	for i, old := range n.Status.Conditions {
		if old.Type != typ {
			continue
		}
		if old.Status == status && old.Reason == reason {
			return // heartbeats would only be noise
		}
		n.Status.Conditions[i] = c
		return
	}
	n.Status.Conditions = append(n.Status.Conditions, c)
}

func staticPod(ctx context.Context, api client.Client, component, node, version string, ready bool) error {
	pod := &corev1.Pod{}
	err := api.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: component + "-" + node}, pod)
	if apierrors.IsNotFound(err) {
		image := "registry.k8s.io/" + component + ":" + version
		if component == "etcd" {
			image = "registry.k8s.io/etcd:" + etcdVersion + "-0"
		}
		pod = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: component + "-" + node,
				Labels:      map[string]string{"component": component, "tier": "control-plane"},
				Annotations: map[string]string{corev1.MirrorPodAnnotationKey: component}},
			Spec: corev1.PodSpec{NodeName: node, HostNetwork: true, PriorityClassName: "system-node-critical",
				Containers: []corev1.Container{{Name: component, Image: image}}},
		}
		err = api.Create(ctx, pod)
	}
	if err != nil {
		return err
	}
	base := pod.DeepCopy()
	pod.Status.Phase = corev1.PodRunning
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	for _, typ := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		s := status
		if typ == corev1.PodScheduled || typ == corev1.PodInitialized {
			s = corev1.ConditionTrue
		}
		podCondition(pod, typ, s)
	}
	return api.Status().Patch(ctx, pod, client.MergeFrom(base))
}

func podCondition(p *corev1.Pod, typ corev1.PodConditionType, status corev1.ConditionStatus) {
	c := corev1.PodCondition{Type: typ, Status: status, LastTransitionTime: metav1.Now()}
	for i, old := range p.Status.Conditions {
		if old.Type == typ {
			if old.Status != status {
				p.Status.Conditions[i] = c
			}
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, c)
}
