using System.Text.Json;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>
/// What accepting is compared with: an endpoint that does nothing; one that saves each request in a transaction of its own, with Npgsql as it is
/// and as ours sets it; one that inserts a part of it by hand in one trip and checks nothing, as fast as one transaction for each request can be
/// had; and that one when it also publishes the request's message, waits for the confirm and deletes its row.
/// </summary>
internal static class HttpContenders
{
    private const string Insert = """
        INSERT INTO submissions (key_digest, id, client, operation, idempotency_key, fingerprint, destination, message_type, body, acceptance, accepted_at_ms)
        VALUES ($1, $2, 'bench', 'submit-order', $3, '\x', 'queue:orders', 'urn:message:Messaging.Contracts:SubmitOrder', $4, '{}', 0)
        """;

    private const string InsertOutgoing = """
        INSERT INTO outgoing_messages (id, destination, message_type, body, client, idempotency_key, accepted_at_ms, attempts, leased_until_ms)
        VALUES ($1, 'queue:orders', 'urn:message:Messaging.Contracts:SubmitOrder', $2, 'bench', $3, 0, 0, 0)
        """;

    private const string DeleteOutgoing = "DELETE FROM outgoing_messages WHERE id = $1";

    /// <summary>Serves at <c>ASPNETCORE_URLS</c> until it is stopped.</summary>
    public static async Task<double> ServeAsync(string name, Assignment work)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(Environment.GetEnvironmentVariable("ASPNETCORE_URLS")!);
        await using var database = Connect(work, waitsForDisk: true);
        await using var deletions = Connect(work, waitsForDisk: false);
        builder.Services.AddDbContextPool<PostgreSqlSchemaContext>(options => options.UseNpgsql(name == "serve-single-tuned" ? Tuned(work).ConnectionString : work.Database));
        await using var publisher = name == "serve-single-publish" ? await ConfirmedPublisher.ConnectAsync(work) : null;
        await using var app = builder.Build();
        if (name == "serve-empty")
        {
            app.MapPost("/api/orders", () => TypedResults.Text("{}", "application/json", statusCode: StatusCodes.Status202Accepted));
        }
        else if (name is "serve-single" or "serve-single-tuned")
        {
            app.MapPost("/api/orders", EfCoreEndpoint.SaveAsync);
        }
        else
        {
            app.MapPost("/api/orders", (HttpRequest request) => InsertAsync(request, database, deletions, publisher));
        }

        await app.RunAsync();
        return 0;
    }

    /// <summary>As ours has it: statements are prepared, connections are not reset.</summary>
    private static NpgsqlConnectionStringBuilder Tuned(Assignment work) => new(work.Database) { MaxAutoPrepare = 20, AutoPrepareMinUsages = 2, NoResetOnClose = true };

    /// <summary>As ours has it: the deletion of a sent row waits for no disk.</summary>
    private static NpgsqlDataSource Connect(Assignment work, bool waitsForDisk)
    {
        var settings = Tuned(work);
        settings.Options = waitsForDisk ? null : "-c synchronous_commit=off";
        return NpgsqlDataSource.Create(settings);
    }

    private static async Task<ContentHttpResult> InsertAsync(HttpRequest request, NpgsqlDataSource database, NpgsqlDataSource deletions, ConfirmedPublisher? publisher)
    {
        var order = (await request.ReadFromJsonAsync<Order>())!;
        var key = request.Headers["Idempotency-Key"].ToString();
        var id = Guid.CreateVersion7();
        var body = JsonSerializer.Serialize(order);
        // Both statements travel at once, and what travels at once without a BEGIN is one transaction, which is on the disk when its answer is there.
        await using (var batch = database.CreateBatch())
        {
            batch.BatchCommands.Add(Statement(Insert, new ScopedKey("bench", "submit-order", key).ToDigest(), id, key, body));
            batch.BatchCommands.Add(Statement(InsertOutgoing, id, body, key));
            await batch.ExecuteNonQueryAsync();
        }

        if (publisher is not null)
        {
            await publisher.PublishAsync(id, body, key);
            await using var batch = deletions.CreateBatch();
            batch.BatchCommands.Add(Statement(DeleteOutgoing, id));
            await batch.ExecuteNonQueryAsync();
        }

        return TypedResults.Text("{}", "application/json", statusCode: StatusCodes.Status202Accepted);
    }

    private static NpgsqlBatchCommand Statement(string sql, params object[] values)
    {
        var statement = new NpgsqlBatchCommand(sql);
        statement.Parameters.AddRange(Array.ConvertAll(values, value => new NpgsqlParameter { Value = value }));
        return statement;
    }
}

/// <summary>The body of a request.</summary>
internal sealed record Order(string Item, int Quantity);
