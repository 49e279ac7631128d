using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>
/// One transaction for each request, as most teams write it: two entities are added and saved. It does for a request what ours does (the caller's
/// key, a strict body, the fingerprint) and stores the same rows, but refuses without a reason and replays nothing.
/// </summary>
internal static class EfCoreEndpoint
{
    private static readonly byte[] Caller = SHA256.HashData(Encoding.UTF8.GetBytes(HttpRun.ApiKey));

    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false };

    public static async Task<Results<ContentHttpResult, StatusCodeHttpResult>> SaveAsync(HttpRequest request, PostgreSqlSchemaContext database)
    {
        if (!IsCaller(request.Headers.Authorization.ToString()))
        {
            return TypedResults.StatusCode(StatusCodes.Status401Unauthorized);
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        if (Read(body.ToArray()) is not { } order || request.Headers["Idempotency-Key"].ToString() is not { Length: > 0 and <= ScopedKey.MaxLength } key)
        {
            return TypedResults.StatusCode(StatusCodes.Status400BadRequest);
        }

        var submission = Compose(new ScopedKey(Orders.Client, SubmitOrder.Operation, key), order, Fingerprint.Of(SubmitOrder.Operation, body.ToArray()));
        database.Add(submission);
        database.Add(new OutgoingRow
        {
            Id = submission.Id,
            Destination = submission.Destination,
            MessageType = submission.MessageType,
            Body = submission.Body,
            Client = submission.Client,
            IdempotencyKey = submission.IdempotencyKey,
            Fingerprint = submission.Fingerprint,
            AcceptedAtMs = submission.AcceptedAtMs,
            Attempts = 0,
            LeasedUntilMs = 0,
        });
        try
        {
            await database.SaveChangesAsync();
            return TypedResults.Text(submission.Acceptance, "application/json", statusCode: StatusCodes.Status202Accepted);
        }
        catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return TypedResults.StatusCode(StatusCodes.Status409Conflict);
        }
    }

    private static bool IsCaller(string authorization) =>
        authorization.StartsWith("Bearer ", StringComparison.Ordinal)
        && CryptographicOperations.FixedTimeEquals(Caller, SHA256.HashData(Encoding.UTF8.GetBytes(authorization["Bearer ".Length..])));

    private static Order? Read(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize<Order>(body, Strict) is { Item.Length: > 0 and <= SubmitOrder.MaxItemLength, Quantity: > 0 and <= SubmitOrder.MaxQuantity } order ? order : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static SubmissionRow Compose(ScopedKey key, Order order, Fingerprint fingerprint)
    {
        var now = TimeProvider.System.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        return new SubmissionRow
        {
            KeyDigest = key.ToDigest(),
            Id = id,
            Client = key.Client,
            Operation = key.Operation,
            IdempotencyKey = key.Key,
            Fingerprint = fingerprint.ToBytes(),
            Destination = Destination.Queue(SubmitOrder.Queue).Address,
            MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
            Body = JsonSerializer.Serialize(new SubmitOrder(key.Client, key.Key, id, fingerprint.Hex, now, order.Item, order.Quantity), JsonSerializerOptions.Web),
            Acceptance = JsonSerializer.Serialize(new { OrderId = id, order.Item, order.Quantity, Status = "accepted" }, JsonSerializerOptions.Web),
            AcceptedAtMs = now.ToUnixTimeMilliseconds(),
        };
    }
}
