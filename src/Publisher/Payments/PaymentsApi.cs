using System.Text.Json;
using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary><c>/api/payments</c>.</summary>
internal static class PaymentsApi
{
    private const string Path = "/api/payments";
    private const string MessageType = "urn:message:Messaging.Contracts:CapturePayment";

    public static void MapPayments(this IEndpointRouteBuilder app)
    {
        var operation = new OperationMetadata(CapturePayment.Operation);
        app.MapPost(Path, SubmitAsync).WithMetadata(operation);
        app.MapGet(Path + "/{payment_id}", FindAsync).WithMetadata(operation);
        app.MapGet(Path + "/{payment_id}/events", FollowAsync).WithMetadata(operation);
    }

    private static async Task<Results<Acceptance, StatusAnswer, Problem>> SubmitAsync(
        HttpContext http,
        Intake intake,
        IOptions<LimitsOptions> limits,
        IOptions<PaymentsOptions> payments,
        TimeProvider clock,
        SubmissionAnswers answers,
        CancellationToken cancellationToken)
    {
        var received = await intake.ReceiveAsync(http.Request, cancellationToken);
        if (received.Refusal is { } refusal)
        {
            return refusal;
        }

        var errors = new ValidationErrors();
        if (PaymentRequest.Read(received.Body, limits.Value, payments.Value.DefaultCurrency, errors) is not { } payment)
        {
            return errors.ToProblem();
        }

        var key = new ScopedKey(http.ClientId(), CapturePayment.Operation, received.Key.Value);
        var submission = Compose(key, payment, Fingerprint.Of(CapturePayment.Operation, received.Body), clock.GetUtcNow());
        return await answers.SubmitAsync(http, submission, Path, received.Key, cancellationToken);
    }

    private static Task<Results<StatusAnswer, Problem>> FindAsync(
        HttpContext http, [FromRoute(Name = "payment_id")] string id, SubmissionAnswers answers, CancellationToken cancellationToken) =>
        answers.FindAsync(http, CapturePayment.Operation, id, cancellationToken);

    private static Task<Results<EventStream, Problem>> FollowAsync(
        HttpContext http, [FromRoute(Name = "payment_id")] string id, SubmissionAnswers answers, CancellationToken cancellationToken) =>
        answers.FollowAsync(http, CapturePayment.Operation, id, cancellationToken);

    private static Submission Compose(ScopedKey key, PaymentRequest payment, Fingerprint fingerprint, DateTimeOffset acceptedAt)
    {
        var id = Guid.CreateVersion7(acceptedAt);
        var message = new CapturePayment(key.Client, key.Key, id, fingerprint.Hex, acceptedAt, payment.Amount, payment.Currency);
        return new Submission
        {
            Key = key,
            Id = id,
            Fingerprint = fingerprint,
            Acceptance = JsonSerializer.SerializeToUtf8Bytes(new PaymentAcceptance(id, payment.Amount, payment.Currency), PublisherJson.Relaxed.PaymentAcceptance),
            AcceptedAt = acceptedAt,
            Destination = Destination.Queue(CapturePayment.Queue),
            MessageType = MessageType,
            Body = JsonSerializer.SerializeToUtf8Bytes(message, MessageJson.Default.CapturePayment),
        };
    }
}
