using System.Text;
using Messaging.Transactional;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>The HTTP front: what it needs, and what it serves. Standalone hosts the same in its own process.</summary>
public static class PublisherServices
{
    /// <summary>Adds the front, and the engine that accepts and dispatches; the transport is the host's choice.</summary>
    /// <param name="builder">Of the process that serves it.</param>
    /// <param name="anonymousOnLoopback">Serve callers on this machine without credentials, also outside Development.</param>
    public static void AddPublisher(this WebApplicationBuilder builder, bool anonymousOnLoopback = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        AddOptions(builder.Services);
        builder.AddClients(anonymousOnLoopback);
        builder.AddFrontCors();
        builder.AddTelemetry();
        builder.Services.AddTransactional(builder.Configuration);
        builder.Services.AddReconciliation();
        builder.Services.AddRetention();
        builder.Services.AddHealthChecks();
        builder.Services.AddApiDocument();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Intake>();
        builder.Services.AddSingleton<Admission>();
        builder.Services.AddSingleton<Backlog>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Backlog>());
        builder.Services.AddSingleton<SubmissionAnswers>();
        builder.Services.AddSingleton<OutcomeWatcher>();
        builder.Services.AddHostedService(services => services.GetRequiredService<OutcomeWatcher>());
        builder.WebHost.ConfigureKestrel(ConfigureServer);
    }

    /// <summary>Maps every address the front serves.</summary>
    /// <param name="app">The process that serves it.</param>
    public static void MapPublisher(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);

        WrongSetting.Check(app.Services);
        ClientsRequired.Check(app.Services);

        // The order of checks is part of the contract (docs/http.md).
        if (!app.Environment.IsDevelopment())
        {
            app.UseHsts(); // Says nothing over plain HTTP, nor on localhost.
        }

        app.UseSecurityHeaders();
        app.UseMiddleware<ProblemAnswers>();
        app.UseRouting();
        app.UseFrontCors();
        app.UseMiddleware<ClientAuthentication>();
        app.UseMiddleware<RequestRate>();

        var addresses = app.MapWithHead();
        addresses.MapOrders();
        addresses.MapPayments();
        addresses.MapProblems();
        addresses.MapApiDocument();
        addresses.MapMetrics();
        addresses.MapHealth();
    }

    private static void AddOptions(IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<PublisherOptions>, PublisherOptionsValidator>();
        services.AddSingleton<IValidateOptions<PaymentsOptions>, PaymentsOptionsValidator>();
        services.AddSingleton<IValidateOptions<LimitsOptions>, LimitsOptionsValidator>();
        services.AddSingleton<IValidateOptions<WaitingOptions>, WaitingOptionsValidator>();
        services.AddOptions<WaitingOptions>().BindConfiguration("Waiting").ValidateOnStart();
        services.AddOptions<PublisherOptions>().BindConfiguration("Publisher").ValidateOnStart();
        services.AddOptions<IdempotencyOptions>().BindConfiguration("Idempotency").ValidateOnStart();
        services.AddOptions<PaymentsOptions>().BindConfiguration("Payments").ValidateOnStart();
        services.AddOptions<LimitsOptions>().BindConfiguration("Limits").ValidateOnStart();
    }

    private static void ConfigureServer(WebHostBuilderContext context, KestrelServerOptions server)
    {
        server.AddServerHeader = false;
        server.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        server.Limits.MaxRequestHeaderCount = 64;
        server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);

        // One char per byte: as UTF-8, the server would itself refuse a key that is not UTF-8, before we can say what is wrong.
        server.RequestHeaderEncodingSelector = name =>
            name.Equals(IdempotencyKey.Header, StringComparison.OrdinalIgnoreCase) ? Encoding.Latin1 : null;
    }
}
