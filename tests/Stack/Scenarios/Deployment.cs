using System.Globalization;
using System.Text;
using Messaging.Consumer;
using Messaging.Services;
using Npgsql;
using RabbitMQ.Client;

namespace Messaging.Stack;

/// <summary>One publisher and some consumers as processes of their own, on a broker and a database of the test's own.</summary>
internal sealed class Deployment : IAsyncDisposable
{
    private static readonly string[] Events = ["Messaging.Contracts:OrderCreated", "Messaging.Contracts:PaymentCaptured"];

    private readonly TestDatabase _database;
    private readonly NpgsqlDataSource _dataSource;
    private readonly List<ServiceProcess> _consumers = [];
    private Dictionary<string, string?> _environment = [];

    private Deployment(RabbitMqServer broker, VirtualHost host, TestDatabase database)
    {
        (Broker, Host, _database) = (broker, host, database);
        _dataSource = NpgsqlDataSource.Create(database.ConnectionString);
    }

    public RabbitMqServer Broker { get; }

    public VirtualHost Host { get; }

    public string ConnectionString => _database.ConnectionString;

    public ServiceProcess Publisher { get; private set; } = null!;

    public IReadOnlyList<ServiceProcess> Consumers => _consumers;

    /// <param name="way">How the consumers receive; null for directly and from MassTransit's consume pipe in turn, so that every scenario meets both.</param>
    /// <param name="address">Where the services find the virtual host, when not at its own address: a cluster has several.</param>
    /// <param name="database">How the services reach the database, when not directly; given its connection string.</param>
    public static async Task<Deployment> StartAsync(
        RabbitMqServer broker, PostgresServer postgres, int consumers = 2, IReadOnlyDictionary<string, string?>? settings = null, ReceiveWay? way = null,
        Func<VirtualHost, string>? address = null, Func<string, string>? database = null)
    {
        var deployment = new Deployment(broker, await broker.CreateVirtualHostAsync(), await MigratedDatabase.CreateAsync(postgres));
        try
        {
            var environment = deployment._environment = deployment.Environment(settings, address, database);
            deployment.Publisher = await ServiceProcess.StartReadyAsync(new ServiceOptions("Publisher", environment));
            if (consumers == 0 && address is null)
            {
                // The publisher declares them beside its start, and the test is a producer of its own.
                await Eventually.Succeeds(() => deployment.Host.CountAsync("orders"));
                await Eventually.Succeeds(() => deployment.Host.CountAsync("payments"));
            }

            for (var i = 0; i < consumers; i++)
            {
                await deployment.AddConsumerAsync(way);
            }

            return deployment;
        }
        catch
        {
            await deployment.DisposeAsync();
            throw;
        }
    }

    public async Task AddConsumerAsync(ReceiveWay? way = null)
    {
        var environment = new Dictionary<string, string?>(_environment) { ["Inbox__Way"] = $"{way ?? (_consumers.Count % 2 == 0 ? ReceiveWay.Direct : ReceiveWay.ConsumePipe)}" };
        _consumers.Add(await ServiceProcess.StartReadyAsync(new ServiceOptions("Consumer", environment)));
    }

    /// <summary>One more process of a service, with settings of its own; the caller's to dispose, and not waited for.</summary>
    public ServiceProcess Start(string project, params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string?>(_environment);
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        return ServiceProcess.Start(new ServiceOptions(project, environment));
    }

    /// <summary>What the one checker finds, once everything has come to rest.</summary>
    public async Task<IReadOnlyList<Violation>> JudgeAsync(Journal journal)
    {
        await using var connection = await _dataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var tables = await Snapshot.TakeAsync(connection, TestContext.Current.CancellationToken);
        var queues = (await Host.QueuesAsync()).Where(q => q.Name is "orders" or "payments").ToList();
        Assert.DoesNotContain(queues, q => q.Ready < 0 || q.Unacknowledged < 0);
        return InvariantChecker.Check(journal, tables, queues.Sum(q => q.Ready + q.Unacknowledged));
    }

    public async Task<long> CountAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
    }

    public void SendConsumers(Signal signal) => _consumers.ForEach(consumer => consumer.Send(signal));

    /// <summary>Deliveries that each consumer settled, by its own count.</summary>
    public Task<double[]> SettledAsync() => Task.WhenAll(_consumers.Select(async consumer =>
    {
        var metrics = await consumer.Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        return metrics.Split('\n').Where(line => line.StartsWith("messaging_inbox_deliveries", StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
    }));

    public async Task ExecuteAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>A transaction that has looked at the database and is not ended before it is disposed.</summary>
    public async Task<IAsyncDisposable> HoldSnapshotAsync()
    {
        var connection = await _dataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM inbox", connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    public async Task<List<string>> TextsAsync(string sql)
    {
        await using var command = _dataSource.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var texts = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            texts.Add(reader.GetString(0));
        }

        return texts;
    }

    /// <summary>Submits one request; the status code, the order or payment id, and whether it was a replay.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string path, string key, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return await Publisher.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>As a foreign producer does: plain AMQP to the queue, one message for each set of properties.</summary>
    public async Task PublishAsync(string queue, IEnumerable<(byte[] Body, Dictionary<string, object?> Headers, string? MessageId)> messages, string? contentType = "application/json")
    {
        await using var connection = await Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true), TestContext.Current.CancellationToken);
        var published = new List<Task>();
        foreach (var (body, headers, id) in messages)
        {
            var properties = new BasicProperties { Headers = headers, Persistent = true };
            if (contentType is not null)
            {
                properties.ContentType = contentType;
            }

            if (id is not null)
            {
                properties.MessageId = id;
            }

            published.Add(channel.BasicPublishAsync("", queue, mandatory: true, properties, body, TestContext.Current.CancellationToken).AsTask());
        }

        await Task.WhenAll(published);
    }

    /// <summary>Requests as messages of a foreign producer, each to its queue; the journal has them once the broker has confirmed them.</summary>
    public async Task PublishAsync(Journal journal, IEnumerable<Request> requests)
    {
        foreach (var queue in requests.GroupBy(request => request.Queue))
        {
            await PublishAsync(queue.Key, queue.Select(request =>
                (Encoding.UTF8.GetBytes(request.Json), new Dictionary<string, object?> { ["Idempotency-Key"] = request.Key }, (string?)null)));
            queue.ToList().ForEach(request => journal.Confirmed(request));
        }
    }

    /// <summary>A subscriber of the order events, as another team would have: its own durable queue.</summary>
    public async Task SubscribeAsync(string queue)
    {
        await using var connection = await Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        await channel.QueueDeclareAsync(queue, true, false, false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" }, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var exchange in Events)
        {
            await channel.QueueBindAsync(queue, exchange, "", cancellationToken: TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Takes everything out of a queue and gives the idempotency keys seen.</summary>
    public async Task<HashSet<string>> DrainKeysAsync(string queue) => [.. (await DrainAsync(queue)).Keys];

    /// <summary>Likewise, and how often each was seen.</summary>
    public async Task<Dictionary<string, int>> DrainAsync(string queue)
    {
        await using var connection = await Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        var keys = new Dictionary<string, int>(StringComparer.Ordinal);
        while (await channel.BasicGetAsync(queue, autoAck: true, TestContext.Current.CancellationToken) is { } message)
        {
            var key = Encoding.UTF8.GetString((byte[])message.BasicProperties.Headers!["Idempotency-Key"]!);
            keys[key] = keys.GetValueOrDefault(key) + 1;
        }

        return keys;
    }

    /// <summary>As if it had just been migrated; only at rest.</summary>
    public async Task EmptyAsync()
    {
        var tables = await TextsAsync("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND left(tablename, 2) <> '__'");
        // The services are at work: retention may hold one of them while it waits for another.
        await Eventually.Succeeds(async () =>
        {
            await using var command = _dataSource.CreateCommand($"TRUNCATE {string.Join(", ", tables)}");
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        });
    }

    /// <summary>Waits until both queues and the outgoing table are empty.</summary>
    public async Task DrainedAsync(TimeSpan limit)
    {
        await Eventually.Equal(0L, () => CountAsync("SELECT count(*) FROM outgoing_messages"), limit);
        await Eventually.Satisfies(
            async () => (await Host.QueuesAsync()).Where(q => q.Name is "orders" or "payments").ToList(), q => q.Count == 2 && q.All(queue => queue.IsDrained), limit);
        await Eventually.Equal(0L, () => CountAsync("SELECT count(*) FROM outgoing_messages"), limit);
    }

    /// <summary>I4: inbox row, outcome and effect are there together or not at all; I2: no key has two effects.</summary>
    public async Task AssertAtomicAsync()
    {
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM inbox i WHERE operation = 'submit-order' AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.client = i.client AND o.idempotency_key = i.idempotency_key)"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM orders o WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE o.client = i.client AND o.idempotency_key = i.idempotency_key AND operation = 'submit-order')"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM inbox WHERE status IS NULL"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM (SELECT 1 FROM orders GROUP BY client, idempotency_key HAVING count(*) > 1) d"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM (SELECT 1 FROM ledger GROUP BY client, idempotency_key HAVING count(*) > 1) d"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var consumer in _consumers)
        {
            await consumer.DisposeAsync();
        }

        if (Publisher is not null)
        {
            await Publisher.DisposeAsync();
        }

        await _dataSource.DisposeAsync();
        await _database.DisposeAsync();
        await Host.DisposeAsync();
    }

    private Dictionary<string, string?> Environment(
        IReadOnlyDictionary<string, string?>? settings, Func<VirtualHost, string>? address, Func<string, string>? database)
    {
        var environment = new Dictionary<string, string?>
        {
            ["Database__Provider"] = "PostgreSql",
            ["ConnectionStrings__Orders"] = database?.Invoke(_database.ConnectionString) ?? _database.ConnectionString,
            ["ConnectionStrings__RabbitMq"] = address?.Invoke(Host) ?? Host.Uri.ToString(),
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["Logging__LogLevel__Default"] = "Warning",
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string?>())
        {
            environment[name] = value;
        }

        return environment;
    }
}
