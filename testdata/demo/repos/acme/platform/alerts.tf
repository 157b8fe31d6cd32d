# What wakes people up. One resource per detector.

resource "dynatrace_metric_events" "checkout_latency" {
  enabled = true
  summary = "Checkout latency"

  event_template {
    title       = "Checkout latency above 800 ms"
    description = "p95 of the checkout request over all instances"
    event_type  = "SLOWDOWN"
    davis_merge = true
  }

  model_properties {
    type               = "STATIC_THRESHOLD"
    alert_condition    = "ABOVE"
    alert_on_no_data   = false
    threshold          = 800
    samples            = 5
    violating_samples  = 3
    dealerting_samples = 5
  }

  query_definition {
    type        = "METRIC_SELECTOR"
    metric_selector = "ext:checkout.latency:percentile(95)"
  }
}

resource "dynatrace_metric_events" "queue_depth" {
  enabled = true
  summary = "Queue depth"

  event_template {
    title       = "Order queue is growing"
    description = "messages waiting in the order queue"
    event_type  = "CUSTOM_ALERT"
    davis_merge = false
  }

  model_properties {
    type               = "STATIC_THRESHOLD"
    alert_condition    = "ABOVE"
    alert_on_no_data   = false
    threshold          = 1000
    samples            = 10
    violating_samples  = 6
    dealerting_samples = 10
  }

  query_definition {
    type        = "METRIC_SELECTOR"
    metric_selector = "ext:orders.queue.depth"
  }
}
