using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary><c>/api/orders</c>.</summary>
internal static class OrdersApi
{
    private const string Path = "/api/orders";
    private const string MessageType = "urn:message:Messaging.Contracts:SubmitOrder";

    public static void MapOrders(this IEndpointRouteBuilder app)
    {
        var operation = new OperationMetadata(SubmitOrder.Operation);
        app.MapPost(Path, SubmitAsync).WithMetadata(operation);
        app.MapGet(Path + "/{order_id}", FindAsync).WithMetadata(operation);
        app.MapGet(Path + "/{order_id}/events", FollowAsync).WithMetadata(operation);
    }

    private static async Task<Results<Acceptance, StatusAnswer, Problem>> SubmitAsync(
        HttpContext http, Intake intake, IOptions<LimitsOptions> limits, TimeProvider clock, SubmissionAnswers answers, CancellationToken cancellationToken)
    {
        var received = await intake.ReceiveAsync(http.Request, cancellationToken);
        if (received.Refusal is { } refusal)
        {
            return refusal;
        }

        var errors = new ValidationErrors();
        if (OrderRequest.Read(received.Body, limits.Value, errors) is not { } order)
        {
            return errors.ToProblem();
        }

        var key = new ScopedKey(http.ClientId(), SubmitOrder.Operation, received.Key.Value);
        var submission = Compose(key, order, Fingerprint.Of(SubmitOrder.Operation, received.Body), clock.GetUtcNow());
        return await answers.SubmitAsync(http, submission, Path, received.Key, cancellationToken);
    }

    private static Task<Results<StatusAnswer, Problem>> FindAsync(
        HttpContext http, [FromRoute(Name = "order_id")] string id, SubmissionAnswers answers, CancellationToken cancellationToken) =>
        answers.FindAsync(http, SubmitOrder.Operation, id, cancellationToken);

    private static Task<Results<EventStream, Problem>> FollowAsync(
        HttpContext http, [FromRoute(Name = "order_id")] string id, SubmissionAnswers answers, CancellationToken cancellationToken) =>
        answers.FollowAsync(http, SubmitOrder.Operation, id, cancellationToken);

    private static Submission Compose(ScopedKey key, OrderRequest order, Fingerprint fingerprint, DateTimeOffset acceptedAt)
    {
        var id = Guid.CreateVersion7(acceptedAt);
        var message = new SubmitOrder(key.Client, key.Key, id, fingerprint.Hex, acceptedAt, order.Item, order.Quantity);
        return new Submission
        {
            Key = key,
            Id = id,
            Fingerprint = fingerprint,
            Acceptance = JsonSerializer.SerializeToUtf8Bytes(new OrderAcceptance(id, order.Item, order.Quantity), PublisherJson.Relaxed.OrderAcceptance),
            AcceptedAt = acceptedAt,
            Destination = Destination.Queue(SubmitOrder.Queue),
            MessageType = MessageType,
            Body = JsonSerializer.SerializeToUtf8Bytes(message, MessageJson.Default.SubmitOrder),
        };
    }
}
