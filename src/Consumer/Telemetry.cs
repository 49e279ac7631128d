using Messaging.Transactional;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Messaging.Consumer;

/// <summary>
/// Metrics of the worker as a process of its own: <c>/metrics</c> for Prometheus always. Traces, and the metrics again: by OTLP, where
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says. In Standalone the front registers the same sources.
/// </summary>
internal static class Telemetry
{
    /// <summary>Every meter and source of ours begins with this.</summary>
    private const string Ours = "Messaging.*";

    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Configuration.SilenceRequestLog();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(builder.Environment.ApplicationName))
            .WithMetrics(metrics => metrics.AddMeter(Ours).AddRuntimeInstrumentation().AddPrometheusExporter());
        if (!string.IsNullOrEmpty(builder.Configuration[OtlpEndpoint]))
        {
            telemetry.WithMetrics(metrics => metrics.AddOtlpExporter()).WithTracing(tracing => tracing.AddSource(Ours).AddOtlpExporter());
        }
    }
}
