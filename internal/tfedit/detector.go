package tfedit

// An alertKind says where a resource of the Dynatrace provider keeps what.
// https://github.com/dynatrace-oss/terraform-provider-dynatrace/tree/main/docs/resources
type alertKind struct {
	schema    string
	titles    []string // where the title of its problems stands; the first that is there counts
	detectors []detector
}

// A detector says where the values for problems of one title stand.
type detector struct {
	title  string              // as Dynatrace calls problems of its own detectors; empty if the resource says
	fields map[string][]string // of AlertFields: paths, the first that is there counts
}

var alertKinds = map[string]alertKind{
	"dynatrace_metric_events": {
		schema: "builtin:anomaly-detection.metric-events",
		titles: []string{"event_template.title"},
		detectors: []detector{{fields: map[string][]string{
			"alert_condition":    {"model_properties.alert_condition"},
			"threshold":          {"model_properties.threshold"},
			"signal_fluctuation": {"model_properties.signal_fluctuation"},
			"tolerance":          {"model_properties.tolerance"},
			"samples":            {"model_properties.samples"},
			"violating_samples":  {"model_properties.violating_samples"},
			"dealerting_samples": {"model_properties.dealerting_samples"},
			"davis_merge":        {"event_template.davis_merge"},
		}}},
	},
	"dynatrace_davis_anomaly_detectors": {
		schema: "builtin:davis.anomaly-detectors",
		titles: []string{"event_template.properties.property[key=event.name].value", "title"},
		detectors: []detector{{fields: map[string][]string{
			"alert_condition":    {"analyzer.input.analyzer_input_field[key=alertCondition].value"},
			"threshold":          {"analyzer.input.analyzer_input_field[key=threshold].value"},
			"signal_fluctuation": {"analyzer.input.analyzer_input_field[key=numberOfSignalFluctuations].value"},
			"tolerance":          {"analyzer.input.analyzer_input_field[key=tolerance].value"},
			"samples":            {"analyzer.input.analyzer_input_field[key=slidingWindow].value"},
			"violating_samples":  {"analyzer.input.analyzer_input_field[key=violatingSamples].value"},
			"dealerting_samples": {"analyzer.input.analyzer_input_field[key=dealertingSamples].value"},
			"davis_merge":        {"event_template.properties.property[key=dt.davis.is_merging_allowed].value"},
		}}},
	},
	"dynatrace_service_anomalies_v2": {
		schema: "builtin:anomaly-detection.services",
		detectors: []detector{
			service("Failure rate increase", "failure_rate", "fixed_detection.threshold", "auto_detection.absolute_increase"),
			service("Response time degradation", "response_time", "fixed_detection.response_time_all.degradation_milliseconds", "auto_detection.response_time_all.degradation_milliseconds"),
			load("Unexpected low load", "load_drops", "load_drop_percent"),
			load("Unexpected high load", "load_spikes", "load_spike_percent"),
		},
	},
	"dynatrace_host_anomalies_v2": {
		schema: "builtin:anomaly-detection.infrastructure-hosts",
		detectors: []detector{
			host("CPU saturation", "high_cpu_saturation_detection", "cpu_saturation"),
			host("Memory saturation", "high_memory_detection", "used_memory_percentage_non_windows"),
			host("Long garbage-collection time", "high_gc_activity_detection", "gc_time_percentage"),
		},
	},
	"dynatrace_k8s_workload_anomalies": {
		schema: "builtin:anomaly-detection.kubernetes.workload",
		detectors: []detector{
			kubernetes("Container restarts", "container_restarts"),
			kubernetes("Pods stuck in pending", "pending_pods"),
			kubernetes("No pod ready", "workload_without_ready_pods"),
			kubernetes("Not all pods ready", "not_all_pods_ready"),
			kubernetes("High CPU throttling", "high_cpu_throttling"),
			kubernetes("CPU usage close to limits", "high_cpu_usage"),
			kubernetes("Memory usage close to limits", "high_memory_usage"),
		},
	},
}

// service is a detector of services. Its alerts wait for minutes, which are
// what samples are elsewhere, but there is no window.
func service(title, at, fixed, auto string) detector {
	return detector{title, map[string][]string{
		"threshold":   {at + "." + fixed, at + "." + auto},
		"sensitivity": {at + ".fixed_detection.sensitivity"},
		"violating_samples": {
			at + ".fixed_detection.over_alerting_protection.minutes_abnormal_state",
			at + ".auto_detection.over_alerting_protection.minutes_abnormal_state",
		},
	}}
}

func load(title, at, threshold string) detector {
	return detector{title, map[string][]string{
		"threshold":         {at + "." + threshold},
		"violating_samples": {at + ".minutes_abnormal_state"},
	}}
}

func host(title, at, threshold string) detector {
	at = "host." + at + ".custom_thresholds."
	return detector{title, map[string][]string{
		"threshold":          {at + threshold},
		"samples":            {at + "event_thresholds.violating_evaluation_window"},
		"violating_samples":  {at + "event_thresholds.violating_samples"},
		"dealerting_samples": {at + "event_thresholds.dealerting_samples"},
	}}
}

// kubernetes is a detector of workloads: it alerts if the condition held for
// the sample period within the observation period, both in minutes.
func kubernetes(title, at string) detector {
	return detector{title, map[string][]string{
		"threshold":         {at + ".configuration.threshold"},
		"samples":           {at + ".configuration.observation_period_in_minutes"},
		"violating_samples": {at + ".configuration.sample_period_in_minutes"},
	}}
}
