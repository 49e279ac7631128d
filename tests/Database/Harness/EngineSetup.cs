using Messaging.Consumer;
using Messaging.Transactional;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Messaging.Database;

/// <summary>What a test may change about an engine before it is built.</summary>
internal sealed class EngineSetup(HostApplicationBuilder builder)
{
    /// <summary>What the probe's handler does.</summary>
    public ProbeScript Script { get; set; } = new();

    /// <summary>The broker at the end of the dispatcher; null takes the bus that the test registers.</summary>
    public ITransport? Transport { get; set; } = new RecordingTransport();

    public IServiceCollection Services => builder.Services;

    public IConfiguration Configuration => builder.Configuration;

    /// <summary>Sets a value of the configuration, for instance <c>Inbox:MaxAttempts</c>.</summary>
    public EngineSetup With(string key, object value)
    {
        builder.Configuration[key] = Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture);
        return this;
    }

    /// <summary>Adds what the real consumer adds, and the probe beside it, as another team would.</summary>
    public void Register()
    {
        builder.AddConsumer();
        builder.Services.AddSingleton(Script);
        builder.Services.AddInbox<ConsumerContext>(builder.Configuration).Handle<Probe, ProbeHandler>(Probe.Operation);
        builder.Services.AddReconciliation();
        builder.Services.UseBusTransport();
        if (Transport is { } transport)
        {
            builder.Services.AddSingleton(transport);
        }
    }
}
