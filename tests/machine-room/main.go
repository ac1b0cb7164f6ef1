// Command machine-room stands in for what Cluster API drives but a test machine does not have: an
// OpenStack cloud (OpenStackCluster, OpenStackMachine), the workload clusters that would run on it,
// and the addon provider (HelmRelease, Manifests). Everything else - Cluster, KubeadmControlPlane,
// MachineDeployment, Machine - is left to the real controllers. Everything listens on loopback.
//
//	machine-room run     play the room against $KUBECONFIG
//	machine-room record  write every change of the objects in a namespace as JSON lines
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Room is the state shared by all controllers.
type Room struct {
	client.Client
	bin, home, network string
	etcd               string // client URL of the etcd that stores every workload cluster

	mu        sync.Mutex
	workloads map[client.ObjectKey]*Workload
}

const tick = 2 * time.Second // how often an object in transition is looked at again

var (
	clusterGVK          = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"}
	machineGVK          = schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"}
	kubeadmConfigGVK    = schema.GroupVersionKind{Group: "bootstrap.cluster.x-k8s.io", Version: "v1beta2", Kind: "KubeadmConfig"}
	openStackClusterGVK = schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta1", Kind: "OpenStackCluster"}
	openStackMachineGVK = openStackClusterGVK.GroupVersion().WithKind("OpenStackMachine")
	machineTemplateGVK  = openStackClusterGVK.GroupVersion().WithKind("OpenStackMachineTemplate")
	helmReleaseGVK      = schema.GroupVersionKind{Group: "addons.stackhpc.com", Version: "v1alpha1", Kind: "HelmRelease"}
	manifestsGVK        = helmReleaseGVK.GroupVersion().WithKind("Manifests")
)

func main() {
	run, ok := map[string]func([]string) error{"run": runRoom, "record": runRecord}[append(os.Args, "", "")[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "usage: machine-room run|record [flags]")
		os.Exit(2)
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "machine-room:", err)
		os.Exit(1)
	}
}

func runRoom(args []string) error {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	r := &Room{workloads: map[client.ObjectKey]*Workload{}}
	flags.StringVar(&r.bin, "bin", "", "folder of kube-apiserver and etcd")
	flags.StringVar(&r.home, "home", "", "folder for state and logs")
	flags.StringVar(&r.network, "network", "", "first two octets of the addresses given to workload clusters (default: a block that no other room uses)")
	collect := flags.Bool("collect-orphans", true, "play the garbage collector of kube-controller-manager as well")
	etcdPort := flags.Int("etcd-port", 23990, "client port of the etcd that stores the workload clusters")
	etcdPeerPort := flags.Int("etcd-peer-port", 23991, "its peer port")
	health := flags.String("health-address", "0", "where /readyz is served once all objects are watched")
	_ = flags.Parse(args)
	if r.bin == "" || r.home == "" {
		return errors.New("--bin and --home are needed")
	}
	claim, err := r.claimNetwork()
	if err != nil {
		return err
	}
	defer claim.Close()

	ctrl.SetLogger(zap.New(zap.UseDevMode(false)))
	cfg, err := config.GetConfig()
	if err != nil {
		return err
	}
	cfg.QPS, cfg.Burst = 200, 400
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Metrics:                metrics.Options{BindAddress: "0"},
		HealthProbeBindAddress: *health,
		Client:                 client.Options{Cache: &client.CacheOptions{Unstructured: true}},
	})
	if err != nil {
		return err
	}
	r.Client = mgr.GetClient()
	ctx := ctrl.SetupSignalHandler()
	if err := r.startEtcd(ctx, *etcdPort, *etcdPeerPort); err != nil {
		return err
	}
	for gvk, reconcileObject := range map[schema.GroupVersionKind]func(context.Context, *Object) (ctrl.Result, error){
		openStackClusterGVK: r.reconcileOpenStackCluster,
		openStackMachineGVK: r.reconcileOpenStackMachine,
		helmReleaseGVK:      r.reconcileAddon,
		manifestsGVK:        r.reconcileAddon,
	} {
		err := ctrl.NewControllerManagedBy(mgr).For(newObject(gvk)).
			WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
			Complete(r.reconciler(gvk, reconcileObject))
		if err != nil {
			return err
		}
	}
	if *collect {
		if err := mgr.Add(manager.RunnableFunc(r.collectOrphans)); err != nil {
			return err
		}
	}
	if err := readyWhenSynced(mgr); err != nil {
		return err
	}
	defer r.stopAll()
	return mgr.Start(ctx)
}

// reconciler reads the object and what is around it, lets reconcileObject change it, and writes the changes.
func (r *Room) reconciler(gvk schema.GroupVersionKind, reconcileObject func(context.Context, *Object) (ctrl.Result, error)) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		o := &Object{Unstructured: newObject(gvk), room: r}
		if err := r.Get(ctx, req.NamespacedName, o.Unstructured); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		o.before = o.Unstructured.DeepCopy()
		if err := o.related(ctx); err != nil || o.paused() {
			return ctrl.Result{}, err
		}
		res, err := reconcileObject(ctx, o)
		if perr := o.save(ctx); err == nil {
			err = client.IgnoreNotFound(perr)
		}
		return res, err
	})
}

// readyWhenSynced makes /readyz succeed once the watches have delivered everything there is.
func readyWhenSynced(mgr manager.Manager) error {
	var synced atomic.Bool
	if err := mgr.Add(manager.RunnableFunc(func(context.Context) error { // runs after the caches
		synced.Store(true)
		return nil
	})); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("synced", func(*http.Request) error {
		if !synced.Load() {
			return errors.New("watches are not complete")
		}
		return nil
	})
}

func newObject(gvk schema.GroupVersionKind) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u
}

func restConfig() (*rest.Config, error) { return config.GetConfig() }
