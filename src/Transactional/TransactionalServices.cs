using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>Adds the engine to a service.</summary>
public static class TransactionalServices
{
    /// <summary>
    /// Accepting and dispatching on the database that <c>Database__Provider</c> and <c>ConnectionStrings__Orders</c> name:
    /// <see cref="Submissions"/>, the dispatcher, <see cref="Schema"/>, and the health check <c>database</c> (tag <c>ready</c>). A
    /// transport has to be chosen too: <see cref="UseRabbitMqTransport"/> or <see cref="UseBusTransport"/>.
    /// </summary>
    /// <param name="services">The service's registrations; a second call changes nothing.</param>
    /// <param name="configuration">Sections <c>Accept</c>, <c>Dispatch</c>, <c>Inbox</c>, <c>Retention</c>, <c>Reconcile</c>.</param>
    /// <exception cref="SettingException">A setting is missing or unusable.</exception>
    public static IServiceCollection AddTransactional(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (services.Any(s => s.ServiceType == typeof(Database)))
        {
            return services;
        }

        var database = DatabaseOptions.Read(configuration);
        services.AddSingleton(_ => new Database(database));
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<EngineMetrics>();
        services.AddSingleton(s => new FatalAttempts(s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>()));
        Options<AcceptOptions, AcceptOptionsValidator>("Accept");
        Options<DispatchOptions, DispatchOptionsValidator>("Dispatch");
        Options<InboxOptions, InboxOptionsValidator>("Inbox");
        Options<RetentionOptions, RetentionOptionsValidator>("Retention");
        Options<ReconcileOptions, ReconcileOptionsValidator>("Reconcile");

        services.AddSingleton(s => new Schema(s.GetRequiredService<Database>(), s.GetRequiredService<IServiceScopeFactory>(), s.GetServices<SchemaParticipant>()));
        AddHosted<DatabaseGate>(services);
        services.AddSingleton(s => new Submissions(
            s.GetRequiredService<Database>(), s.GetRequiredService<DatabaseGate>(), s.GetRequiredService<Dispatcher>(),
            s.GetRequiredService<IOptions<AcceptOptions>>(), s.GetRequiredService<IOptions<DispatchOptions>>(),
            s.GetRequiredService<IOptions<RetentionOptions>>(), s.GetRequiredService<EngineMetrics>()));
        services.AddHealthChecks().Add(new("database",
            s => new DatabaseHealthCheck(s.GetRequiredService<Database>(), s.GetRequiredService<DatabaseGate>()), failureStatus: null, tags: ["ready"]));
        return services;

        void Options<T, TValidator>(string section) where T : class where TValidator : class, IValidateOptions<T>
        {
            services.AddOptions<T>().Bind(configuration.GetSection(section)).ValidateOnStart();
            services.AddSingleton<IValidateOptions<T>, TValidator>();
        }
    }

    /// <summary>Publishes again what the broker lost; one service of a deployment is enough, several are safe.</summary>
    /// <param name="services">After <see cref="AddTransactional"/>.</param>
    public static IServiceCollection AddReconciliation(this IServiceCollection services)
    {
        services.AddSingleton(s => new Reconciler(
            s.GetRequiredService<Database>(), s.GetRequiredService<DatabaseGate>(), s.GetRequiredService<IOptions<ReconcileOptions>>(),
            s.GetRequiredService<IOptions<RetentionOptions>>(), s.GetRequiredService<EngineMetrics>(), s.GetRequiredService<TimeProvider>(),
            s.GetRequiredService<ILogger<Reconciler>>()));
        services.AddHostedService(s => s.GetRequiredService<Reconciler>());
        return services;
    }

    /// <summary>
    /// Forgets keys that are older than <c>Retention__Hours</c> and settled. Every service that accepts or claims keys should; any number
    /// of them are safe.
    /// </summary>
    /// <param name="services">After <see cref="AddTransactional"/>; a second call changes nothing.</param>
    public static IServiceCollection AddRetention(this IServiceCollection services)
    {
        if (services.Any(s => s.ServiceType == typeof(Retention)))
        {
            return services;
        }

        services.AddSingleton(s => new Retention(
            s.GetRequiredService<Database>(), s.GetRequiredService<DatabaseGate>(), s.GetRequiredService<IOptions<RetentionOptions>>(),
            s.GetRequiredService<EngineMetrics>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<Retention>>()));
        services.AddHostedService(s => s.GetRequiredService<Retention>());
        return services;
    }

    /// <summary>Processes messages on the database of a DbContext that is registered already and points at the same database.</summary>
    /// <typeparam name="TContext">What the handlers write to.</typeparam>
    /// <param name="services">The service's registrations.</param>
    /// <param name="configuration">As for <see cref="AddTransactional"/>, which is called if it was not.</param>
    public static InboxBuilder<TContext> AddInbox<TContext>(this IServiceCollection services, IConfiguration configuration)
        where TContext : DbContext
    {
        services.AddTransactional(configuration);
        return new InboxBuilder<TContext>(services);
    }

    /// <summary>Dispatches to the RabbitMQ broker that <c>ConnectionStrings__RabbitMq</c> names.</summary>
    /// <param name="services">After <see cref="AddTransactional"/>.</param>
    /// <param name="configuration">Holds the connection string.</param>
    /// <param name="topology">Names the queues and events of the service.</param>
    /// <exception cref="SettingException">The connection string is missing or unusable.</exception>
    public static IServiceCollection UseRabbitMqTransport(this IServiceCollection services, IConfiguration configuration, Action<Topology> topology)
    {
        ArgumentNullException.ThrowIfNull(topology);
        var declared = new Topology();
        topology(declared);
        services.AddSingleton(RabbitMqOptions.Read(configuration));
        services.AddSingleton(declared);
        AddHosted<RabbitMqTransport>(services);
        services.AddSingleton<ITransport>(s => s.GetRequiredService<RabbitMqTransport>());
        AddHosted<Dispatcher>(services);
        return services;
    }

    /// <summary>
    /// Feeds one operation from its queue on RabbitMQ below MassTransit: deliveries come straight from a channel, and one
    /// acknowledgement settles a whole batch. The way for hot queues; <see cref="InboxEndpoint.UseInbox"/> and
    /// <see cref="InboxEndpoint.UseInboxInConsumer"/> are the others. A queue takes one of the three.
    /// </summary>
    /// <param name="services">After <see cref="UseRabbitMqTransport"/>.</param>
    /// <param name="queue">The queue; declared as <see cref="Topology.Queue"/> declares it.</param>
    /// <param name="operation">A name given to <c>Handle</c> or <c>HandleBatch</c>.</param>
    public static IServiceCollection ReceiveDirectly(this IServiceCollection services, string queue, string operation) =>
        services.ReceiveDirectly(queue, operation, new Topology().Queue(queue));

    internal static IServiceCollection ReceiveDirectly(this IServiceCollection services, string queue, string operation, Topology topology)
    {
        RabbitMqReceiver? receiver = null;
        services.AddSingleton<IHostedService>(s => receiver = new RabbitMqReceiver(
            queue, () => InboxEndpoint.Find(s, operation), topology, s.GetRequiredService<RabbitMqOptions>(), s.GetRequiredService<DatabaseGate>(),
            s.GetRequiredService<IHostApplicationLifetime>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<RabbitMqReceiver>>()));
        services.AddHealthChecks().AddCheck("receives-" + queue, () => receiver?.NotReceivingBecause is { } reason
            ? HealthCheckResult.Unhealthy(reason)
            : HealthCheckResult.Healthy(), tags: ["ready"]);
        return services;
    }

    /// <summary>Dispatches through the MassTransit bus of this process, for the in-memory transport.</summary>
    /// <param name="services">After <see cref="AddTransactional"/>.</param>
    public static IServiceCollection UseBusTransport(this IServiceCollection services)
    {
        services.AddSingleton<ITransport>(s => new BusTransport(s.GetRequiredService<IBusControl>));
        AddHosted<Dispatcher>(services);
        return services;
    }

    private static void AddHosted<T>(IServiceCollection services) where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(s => s.GetRequiredService<T>());
    }
}

/// <summary>Registers handlers, each under the stable name of its operation.</summary>
/// <typeparam name="TContext">What the handlers write to.</typeparam>
public sealed class InboxBuilder<TContext>
    where TContext : DbContext
{
    private readonly IServiceCollection _services;

    private readonly HashSet<string> _operations = new(StringComparer.Ordinal);

    internal InboxBuilder(IServiceCollection services) => _services = services;

    /// <summary>Handles one operation.</summary>
    /// <typeparam name="TMessage">The contract.</typeparam>
    /// <typeparam name="THandler">Its handler, made anew for each batch.</typeparam>
    /// <param name="operation">A name that never changes, 1–255 characters: keys are remembered under it. Never derive it from a class name.</param>
    /// <param name="configure">How messages are read, where the defaults do not do.</param>
    public InboxBuilder<TContext> Handle<TMessage, THandler>(string operation, Action<OperationOptions<TMessage>>? configure = null)
        where TMessage : class
        where THandler : class, IHandler<TMessage, TContext>
    {
        _services.TryAddScoped<THandler>();
        return Add(operation, configure, options => new Operation<TMessage, TContext, THandler>(operation, options));
    }

    /// <summary>Handles one operation batch by batch, with the same guarantees.</summary>
    /// <typeparam name="TMessage">The contract.</typeparam>
    /// <typeparam name="THandler">Its handler, made anew for each batch.</typeparam>
    /// <param name="operation">As for <see cref="Handle{TMessage, THandler}"/>.</param>
    /// <param name="configure">How messages are read, where the defaults do not do.</param>
    public InboxBuilder<TContext> HandleBatch<TMessage, THandler>(string operation, Action<OperationOptions<TMessage>>? configure = null)
        where TMessage : class
        where THandler : class, IBatchHandler<TMessage, TContext>
    {
        _services.TryAddScoped<THandler>();
        return Add(operation, configure, options => new BatchOperation<TMessage, TContext, THandler>(operation, options));
    }

    /// <summary>The migrations of <typeparamref name="TContext"/> belong to this service: <see cref="Schema"/> applies and checks them too.</summary>
    public InboxBuilder<TContext> WithMigrations()
    {
        _services.AddSingleton(new SchemaParticipant(typeof(TContext)));
        return this;
    }

    private InboxBuilder<TContext> Add<TMessage>(string operation, Action<OperationOptions<TMessage>>? configure, Func<OperationOptions<TMessage>, Operation> create)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(operation);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(operation.Length, ScopedKey.MaxLength);
        if (!_operations.Add(operation))
        {
            throw new ArgumentException($"The operation '{operation}' has a handler already.", nameof(operation));
        }

        var options = new OperationOptions<TMessage>();
        configure?.Invoke(options);
        _services.AddSingleton<IInbox>(services => new Inbox<TContext>(create(options), services));
        return this;
    }
}
