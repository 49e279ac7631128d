using System.Data.Common;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Messaging.Services;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Messaging.Stack;

/// <summary>
/// The real publisher, as a process in Production, on a migrated database of its own, with a broker that is not there: what is
/// accepted stays in the outgoing table, where a test can count it.
/// </summary>
public abstract class Front : IAsyncLifetime
{
    public const string Shop = "msg_shop-key-of-the-tests";
    public const string Other = "msg_other-key-of-the-tests";

    private readonly List<IAsyncDisposable> _owned = [];

    public ServiceProcess Service { get; private set; } = null!;

    public Uri Address => Service.Http.BaseAddress!;

    public string ConnectionString { get; private set; } = "";

    public virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    protected abstract string Provider { get; }

    public virtual async ValueTask InitializeAsync()
    {
        ConnectionString = await CreateDatabaseAsync();
        var (code, output) = await ServiceProcess.RunAsync(Options() with { Arguments = ["migrate"] });
        Assert.True(code == 0, output);
        Service = await ServiceProcess.StartReadyAsync(Options());
        _owned.Add(Service);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
        {
            await owned.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Another publisher on the same database.</summary>
    public async Task<ServiceProcess> StartAnotherAsync(params (string Name, string? Value)[] settings) =>
        await ServiceProcess.StartReadyAsync(Options(settings));

    public ServiceOptions Options(params (string Name, string? Value)[] settings)
    {
        var environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["Database__Provider"] = Provider,
            ["ConnectionStrings__Orders"] = ConnectionString,
            ["ConnectionStrings__RabbitMq"] = "amqp://guest:guest@127.0.0.1:1/",
            ["Clients__shop__Keys__0"] = Hash(Shop),
            ["Clients__other__Keys__0"] = Hash(Other),
            ["Reconcile__IntervalSeconds"] = "0",
        };
        foreach (var (name, value) in Settings.Select(pair => (pair.Key, pair.Value)).Concat(settings))
        {
            environment[name] = value;
        }

        return new ServiceOptions("Publisher", environment);
    }

    public async Task<Answer> PostAsync(string path, string? key, string body, string credential = Shop, string contentType = "application/json", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }

        return await SendAsync(request, credential, headers);
    }

    public Task<Answer> OrderAsync(string key, string item = "book", int quantity = 1, string credential = Shop) =>
        PostAsync("api/orders", key, $$"""{"item":"{{item}}","quantity":{{quantity}}}""", credential);

    public async Task<Answer> GetAsync(string path, string? credential = Shop, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path.TrimStart('/'));
        return await SendAsync(request, credential, headers);
    }

    public Task<Answer> SendAsync(HttpRequestMessage request, string? credential, params (string Name, string Value)[] headers) =>
        SendAsync(Service, request, credential, headers);

    public static async Task<Answer> SendAsync(ServiceProcess service, HttpRequestMessage request, string? credential, params (string Name, string Value)[] headers)
    {
        if (credential is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await service.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.ReadAsync(response);
    }

    /// <summary>Sends bytes as they are and reads all that comes back.</summary>
    public async Task<string> RawAsync(byte[] request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Address.Port, TestContext.Current.CancellationToken);
        await using var stream = socket.GetStream();
        using var reader = new StreamReader(stream, Encoding.Latin1);
        try
        {
            await stream.WriteAsync(request, TestContext.Current.CancellationToken);
            return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            return ""; // Reset by the server, which had refused before all was sent.
        }
    }

    public async Task<long> CountAsync(string table, string condition = "1 = 1")
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT COUNT(*) FROM {table} WHERE {condition}";
        return Convert.ToInt64(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Stores the outcome that a consumer would, for submissions without one.</summary>
    public Task CompleteAsync(string condition, string status = "created", string result = """{"note":"done"}""") => ExecuteAsync($"""
        INSERT INTO inbox (key_digest, client, operation, idempotency_key, fingerprint, claim_id, claimed_at_ms, status, result, completed_at_ms)
        SELECT key_digest, client, operation, idempotency_key, fingerprint, key_digest, accepted_at_ms, '{status}', '{result}', accepted_at_ms + 1
        FROM submissions WHERE {condition}
        """);

    public async Task<DbConnection> ConnectAsync()
    {
        DbConnection connection = Provider == "Sqlite" ? new SqliteConnection(ConnectionString) : new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    public static string NewKey(string purpose = "key") => $"{purpose}-{Guid.CreateVersion7():N}";

    public static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    protected abstract Task<string> CreateDatabaseAsync();

    protected void Own(IAsyncDisposable owned) => _owned.Add(owned);
}

public sealed class SqliteFront : Front
{
    protected override string Provider => "Sqlite";

    protected override Task<string> CreateDatabaseAsync()
    {
        var folder = Directory.CreateTempSubdirectory("messaging-front-");
        Own(new Folder(folder));
        return Task.FromResult($"Data Source={Path.Combine(folder.FullName, "orders.db")}");
    }

    private sealed class Folder(DirectoryInfo folder) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            SqliteConnection.ClearAllPools();
            folder.Delete(recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}

public sealed class PostgresFront(SharedServers servers) : Front
{
    protected override string Provider => "PostgreSql";

    protected override async Task<string> CreateDatabaseAsync()
    {
        var database = await (await servers.PostgresAsync()).CreateDatabaseAsync("front");
        Own(database);
        return database.ConnectionString;
    }
}
