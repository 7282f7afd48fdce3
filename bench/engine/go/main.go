// The sample controller of the engine's benchmark, on controller-runtime: the yardstick for the one in TypeScript.
//
// It speaks the protocol of bench/engine/contestant.ts: one JSON object a line on stdout.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

var (
	out  = bufio.NewWriter(os.Stdout)
	lock sync.Mutex
)

func say(format string, args ...any) {
	lock.Lock()
	defer lock.Unlock()
	fmt.Fprintf(out, format+"\n", args...)
	out.Flush()
}

func epochMs() float64 { return float64(time.Now().UnixNano()) / 1e6 }

// Reports when each reconcile starts, and does nothing else.
type observer struct{ client client.Client }

func (o *observer) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	at := epochMs()
	pod := &corev1.Pod{}
	if err := o.client.Get(ctx, request.NamespacedName, pod); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if round := pod.Annotations["round"]; round != "" {
		say(`{"event":"reconcile","name":%q,"round":%q,"atMs":%f}`, request.Name, round, at)
	}
	return ctrl.Result{}, nil
}

// Makes the children of each parent.
type parent struct{ client client.Client }

func (p *parent) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	owner := &corev1.ConfigMap{}
	if err := p.client.Get(ctx, request.NamespacedName, owner); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	children, err := strconv.Atoi(owner.Data["children"])
	if err != nil {
		return ctrl.Result{}, nil
	}
	for index := 0; index < children; index++ {
		name := fmt.Sprintf("%s-%d", owner.Name, index)
		existing := &corev1.Secret{}
		err := p.client.Get(ctx, client.ObjectKey{Namespace: owner.Namespace, Name: name}, existing)
		if err == nil {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return ctrl.Result{}, err
		}
		child := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Namespace: owner.Namespace,
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(owner, corev1.SchemeGroupVersion.WithKind("ConfigMap"))},
			},
			StringData: map[string]string{"index": strconv.Itoa(index)},
		}
		if err := p.client.Create(ctx, child); err != nil && !apierrors.IsAlreadyExists(err) {
			return ctrl.Result{}, err
		}
	}
	say(`{"event":"done","name":%q,"atMs":%f}`, owner.Name, epochMs())
	return ctrl.Result{}, nil
}

func main() {
	kubeconfig := flag.String("config", "", "kubeconfig")
	namespace := flag.String("namespace", "default", "namespace")
	mode := flag.String("mode", "pods", "pods or fleet")
	workers := flag.Int("workers", 4, "concurrent reconciles")
	flag.Parse()
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		panic(err)
	}
	config.UserAgent = "bench-go"
	// The budget of the one in TypeScript, so that the engines are compared and not their limits.
	config.QPS, config.Burst = 5000, 5000
	startedAt := time.Now()
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Metrics: server.Options{BindAddress: "0"},
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{*namespace: {}},
			// What its users set, and what the one in TypeScript does by itself.
			DefaultTransform: cache.TransformStripManagedFields(),
		},
	})
	if err != nil {
		panic(err)
	}
	options := controller.Options{MaxConcurrentReconciles: *workers}
	switch *mode {
	case "pods":
		err = ctrl.NewControllerManagedBy(manager).For(&corev1.Pod{}).WithOptions(options).
			Complete(&observer{manager.GetClient()})
	case "fleet":
		err = ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).
			Watches(&corev1.Secret{}, handler.EnqueueRequestForOwner(manager.GetScheme(), manager.GetRESTMapper(), &corev1.ConfigMap{}, handler.OnlyControllerOwner())).
			WithOptions(options).Complete(&parent{manager.GetClient()})
	}
	if err != nil {
		panic(err)
	}
	ctx := ctrl.SetupSignalHandler()
	go func() {
		// Waits until the informer of this kind holds everything; the cache alone is synced before it has any.
		var watched client.Object = &corev1.Pod{}
		if *mode == "fleet" {
			watched = &corev1.ConfigMap{}
		}
		<-manager.Elected()
		if _, err := manager.GetCache().GetInformer(ctx, watched); err == nil {
			say(`{"event":"synced","ms":%f}`, float64(time.Since(startedAt).Microseconds())/1000)
		}
	}()
	if err := manager.Start(ctx); err != nil {
		panic(err)
	}
}
