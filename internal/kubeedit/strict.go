package kubeedit

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// typed returns an empty value of a built-in kind, nil for others.
func typed(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "apps/v1 Deployment":
		return new(appsv1.Deployment)
	case "apps/v1 StatefulSet":
		return new(appsv1.StatefulSet)
	case "apps/v1 DaemonSet":
		return new(appsv1.DaemonSet)
	case "apps/v1 ReplicaSet":
		return new(appsv1.ReplicaSet)
	case "batch/v1 Job":
		return new(batchv1.Job)
	case "batch/v1 CronJob":
		return new(batchv1.CronJob)
	case "v1 Pod":
		return new(corev1.Pod)
	case "v1 ReplicationController":
		return new(corev1.ReplicationController)
	case "v1 ConfigMap":
		return new(corev1.ConfigMap)
	case "v1 PersistentVolumeClaim":
		return new(corev1.PersistentVolumeClaim)
	case "v1 LimitRange":
		return new(corev1.LimitRange)
	case "v1 ResourceQuota":
		return new(corev1.ResourceQuota)
	case "autoscaling/v1 HorizontalPodAutoscaler":
		return new(autoscalingv1.HorizontalPodAutoscaler)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		return new(autoscalingv2.HorizontalPodAutoscaler)
	case "policy/v1 PodDisruptionBudget":
		return new(policyv1.PodDisruptionBudget)
	}
	return nil
}

// Decode reads the object into its type as the API server does, unknown fields
// refused. Kinds that are not built in pass.
func (o Object) Decode() error {
	into := typed(o.APIVersion, o.Kind)
	if into == nil {
		return nil
	}
	text := o.Doc.Text()
	if len(o.At) > 0 {
		node, err := o.Doc.Root()
		if err == nil {
			node = follow(node, o.At)
		}
		if node == nil {
			return err
		}
		var v any
		if err := node.Decode(&v); err != nil {
			return err
		}
		b, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		text = b
	}
	return yaml.UnmarshalStrict(text, into)
}
