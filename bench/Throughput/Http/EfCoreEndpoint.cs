using System.Text.Json;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>One transaction for each request, as most teams write it: two entities are added and saved.</summary>
internal static class EfCoreEndpoint
{
    /// <summary>A key that is there already is an answer of its own.</summary>
    public static async Task<ContentHttpResult> SaveAsync(HttpRequest request, PostgreSqlSchemaContext database)
    {
        var order = (await request.ReadFromJsonAsync<Order>())!;
        var key = new ScopedKey("bench", "submit-order", request.Headers["Idempotency-Key"].ToString());
        var id = Guid.CreateVersion7();
        var (body, messageType, destination) = (JsonSerializer.Serialize(order), "urn:message:Messaging.Contracts:SubmitOrder", "queue:orders");
        database.Add(new SubmissionRow
        {
            KeyDigest = key.ToDigest(),
            Id = id,
            Client = key.Client,
            Operation = key.Operation,
            IdempotencyKey = key.Key,
            Fingerprint = [],
            Destination = destination,
            MessageType = messageType,
            Body = body,
            Acceptance = "{}",
            AcceptedAtMs = 0,
        });
        database.Add(new OutgoingRow
        {
            Id = id,
            Destination = destination,
            MessageType = messageType,
            Body = body,
            Client = key.Client,
            IdempotencyKey = key.Key,
            AcceptedAtMs = 0,
            Attempts = 0,
            LeasedUntilMs = 0,
        });
        try
        {
            await database.SaveChangesAsync();
        }
        catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return TypedResults.Text("{}", "application/json", statusCode: StatusCodes.Status409Conflict);
        }

        return TypedResults.Text("{}", "application/json", statusCode: StatusCodes.Status202Accepted);
    }
}
