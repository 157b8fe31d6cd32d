// Package tracing shows what the program does as spans, and sends them over
// OTLP to whoever collects them: an OpenTelemetry collector, or Dynatrace
// itself.
//
// It does so only where the standard variables of OpenTelemetry name a
// collector. Attributes have the names that log keys have, below "salve.", and
// are cleaned like log lines: no secret leaves in them, and what people wrote
// is short and has no control characters. Nothing about a trace is taken from
// a request that comes in, nor sent with one that goes out.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/salvehq/salve/internal/redact"
)

// Config is what a Tracer is made of. All fields are required.
type Config struct {
	Getenv  func(string) string // decides whether there is a collector; how to reach it the exporter reads from the process's own environment
	Version string              // of the program
	Redact  *redact.Redactor
	Log     *slog.Logger
}

// A Tracer starts spans. It is safe for concurrent use; a nil Tracer records
// nothing.
type Tracer struct {
	spans  trace.Tracer
	redact *redact.Redactor
	end    func(context.Context) error
}

// Open returns a Tracer. Where no variable names a collector, it records
// nothing. It reaches out to nothing yet.
//
// https://opentelemetry.io/docs/languages/sdk-configuration/
func Open(ctx context.Context, c Config) (*Tracer, error) {
	t := &Tracer{spans: noop.NewTracerProvider().Tracer(""), redact: c.Redact, end: func(context.Context) error { return nil }}
	if !wanted(c.Getenv) {
		return t, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if p := c.Getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%s is %q: traces are sent by http/protobuf only", name, p)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "salve"), attribute.String("service.version", c.Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("traces: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	complain(c.Log)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	t.spans, t.end = provider.Tracer("github.com/salvehq/salve"), provider.Shutdown
	return t, nil
}

// Secrets are the values of the headers for the collector.
func Secrets(getenv func(string) string) (out []string) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for pair := range strings.SplitSeq(getenv(name), ",") {
			_, value, _ := strings.Cut(pair, "=")
			out = append(out, value)
			if plain, err := url.PathUnescape(value); err == nil {
				out = append(out, plain) // "Api-Token%20dt0c01…"
			}
		}
	}
	return out
}

// wanted reports whether the variables ask for traces.
func wanted(getenv func(string) string) bool {
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" &&
		!strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") && getenv("OTEL_TRACES_EXPORTER") != "none"
}

// complain logs what the exporter cannot send, once a minute at most: a
// collector that is down must not fill the log.
func complain(log *slog.Logger) {
	var mu sync.Mutex
	var last time.Time
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) > time.Minute {
			last = time.Now()
			log.Warn("traces not sent", "err", err)
		}
	}))
}

// Close sends what is left, for as long as ctx lasts.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.end(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// A Span is one piece of work. A nil Span records nothing.
type Span struct {
	span   trace.Span
	tracer *Tracer
}

// Start starts a span of a name that is one of few. It ends with [Span.End].
func (t *Tracer) Start(ctx context.Context, name string, about ...slog.Attr) (context.Context, *Span) {
	return t.start(ctx, name, about)
}

// Resume is Start for work whose cause is in the past: cause is what [Cause]
// returned there. With join, the span belongs to the trace of its cause;
// otherwise to one of its own, with a link.
func (t *Tracer) Resume(ctx context.Context, name, cause string, join bool, about ...slog.Attr) (context.Context, *Span) {
	before := carrier.Extract(ctx, propagation.MapCarrier{"traceparent": cause})
	if join {
		return t.start(before, name, about)
	}
	return t.start(ctx, name, about, trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(before)))
}

func (t *Tracer) start(ctx context.Context, name string, about []slog.Attr, o ...trace.SpanStartOption) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, span := t.spans.Start(ctx, name, o...)
	s := &Span{span, t}
	s.Set(about...)
	return ctx, s
}

var carrier propagation.TraceContext

// Cause names the span of ctx, to be kept with work that it causes; empty if
// there is none. It is a traceparent: https://www.w3.org/TR/trace-context/
func Cause(ctx context.Context) string {
	m := propagation.MapCarrier{}
	carrier.Inject(ctx, m)
	return m["traceparent"]
}

// Set adds attributes.
func (s *Span) Set(about ...slog.Attr) {
	if s == nil || !s.span.IsRecording() {
		return
	}
	for _, a := range about {
		s.span.SetAttributes(s.tracer.attribute(a))
	}
}

// End ends the span. An error says that the work failed.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	if err != nil && s.span.IsRecording() {
		s.span.SetStatus(codes.Error, s.tracer.clean(err.Error()))
	}
	s.span.End()
}

// attribute is a as OpenTelemetry has it. A key with a dot is one of its own.
func (t *Tracer) attribute(a slog.Attr) attribute.KeyValue {
	key := a.Key
	if !strings.Contains(key, ".") {
		key = "salve." + key
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindInt64:
		return attribute.Int64(key, v.Int64())
	case slog.KindBool:
		return attribute.Bool(key, v.Bool())
	default:
		return attribute.String(key, t.clean(v.String()))
	}
}

// maxText bounds a text in a span, in bytes.
const maxText = 300

// clean takes out of a text what must not leave in it.
func (t *Tracer) clean(s string) string {
	s = t.redact.Text(s)
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
