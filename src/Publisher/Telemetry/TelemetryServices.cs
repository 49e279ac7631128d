using Messaging.Transactional;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Messaging.Publisher;

/// <summary>Metrics: <c>/metrics</c> for Prometheus always. Traces, and the metrics again: by OTLP, where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says.</summary>
internal static class TelemetryServices
{
    /// <summary>Every meter and source of ours begins with this; so does the engine's.</summary>
    private const string Ours = "Messaging.*";

    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.Configuration.SilenceRequestLog();
        builder.Services.AddSingleton<FrontMetrics>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(builder.Environment.ApplicationName))
            .WithMetrics(metrics => metrics
                .AddMeter(Ours)
                .AddMeter("Microsoft.AspNetCore.Server.Kestrel")
                .AddMeter("Microsoft.AspNetCore.Hosting")
                .AddRuntimeInstrumentation()
                .AddPrometheusExporter());
        if (!string.IsNullOrEmpty(builder.Configuration[OtlpEndpoint]))
        {
            // Only then: spans that go nowhere would cost a seventh of what accepting costs.
            telemetry
                .WithMetrics(metrics => metrics.AddOtlpExporter())
                .WithTracing(tracing => tracing
                    .AddSource(Ours)
                    .AddAspNetCoreInstrumentation(options => options.Filter = IsWorthTracing)
                    .AddOtlpExporter());
        }
    }

    public static void MapMetrics(this IEndpointRouteBuilder app) => app.MapPrometheusScrapingEndpoint("/metrics");

    /// <summary>Probes and scrapes come every few seconds and say nothing.</summary>
    private static bool IsWorthTracing(HttpContext http) => http.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase);
}
