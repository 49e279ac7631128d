using System.Text;
using System.Text.Json;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Unit;

/// <summary>A run made by hand: what its clients were told and what it left, with a way to harm each of it.</summary>
internal static class CheckedRun
{
    /// <summary>Accepted over HTTP, and parked in the envelope in which it travelled.</summary>
    public static Request Parked { get; } = Request.Order("envelope", 5);

    private static Request ForeignPayment { get; } = Request.Payment("foreign", 7) with { Client = "external" };

    private static Request ForeignPoison { get; } = Request.Order("parked", 4) with { Client = "external" };

    public static Journal Told()
    {
        var journal = new Journal();
        journal.Accepted(Request.Order("o", 2), "first");
        journal.Accepted(Request.Order("o", 2), "first");
        journal.Refused(Request.Order("o", 9));
        journal.Accepted(Request.Payment("p", 3), "payment");
        journal.Accepted(Parked, "envelope");
        journal.Confirmed(ForeignPayment);
        journal.Confirmed(ForeignPoison);
        journal.Unknown(Request.Order("unanswered", 6));
        return journal;
    }

    public static Snapshot Left()
    {
        var empty = new Snapshot([], [], [], [], new Dictionary<(string, string), decimal> { [("anonymous", "EUR")] = 3.25m, [("external", "EUR")] = 7.25m }, 0);
        Request[] submitted = [Request.Order("o", 2), Request.Payment("p", 3), Parked, Request.Order("unanswered", 6)];
        return (empty with { Submissions = [.. submitted.Select(r => new Snapshot.Submitted(r.Operation, r.Client, r.Key, $"{r.Number}"))] })
            .With(Request.Order("o", 2)).With(Request.Payment("p", 3)).With(Request.Order("unanswered", 6)).With(ForeignPayment)
            .Park(Parked, "poison", Envelope(Parked)).Park(ForeignPoison, "poison");
    }

    /// <summary>As the publisher's engine sends it.</summary>
    public static string Envelope(Request request)
    {
        var order = new SubmitOrder(request.Client, request.Key, Guid.Empty, new string('0', 64), DateTimeOffset.UnixEpoch, $"item {request.Number}", request.Number);
        return Encoding.UTF8.GetString(MassTransitEnvelope.Write(new OutgoingMessage
        {
            Id = Guid.Empty,
            Destination = Destination.Queue(request.Queue),
            MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
            Body = JsonSerializer.SerializeToUtf8Bytes(order, JsonSerializerOptions.Web),
            Client = request.Client,
            IdempotencyKey = request.Key,
            AcceptedAtMs = 0,
        }));
    }

    /// <summary>It took effect.</summary>
    public static Snapshot With(this Snapshot tables, Request request) => tables.Claim(request) with
    {
        Effects = [.. tables.Effects, new Effect(request.Operation, request.Client, request.Key, request.Payload, request.IsPayment ? "EUR" : null)],
    };

    public static Snapshot Claim(this Snapshot tables, Request request) => tables with
    {
        Inbox = [.. tables.Inbox, new Snapshot.Claimed(request.Operation, request.Client, request.Key, $"{request.Number}", request.IsPayment ? "captured" : "created")],
    };

    public static Snapshot Park(this Snapshot tables, Request request, string reason, string? body = null) => tables with
    {
        ParkedMessages = [.. tables.ParkedMessages, new Snapshot.Parked(request.Operation, request.Client, request.Key, reason, body ?? request.Json)],
    };

    public static Snapshot WithoutEffect(this Snapshot tables, string key) => tables with { Effects = [.. tables.Effects.Where(e => e.Key != key)] };

    public static Snapshot WithoutClaim(this Snapshot tables, string key) => tables with { Inbox = [.. tables.Inbox.Where(i => i.Key != key)] };

    public static Snapshot WithBody(this Snapshot tables, string key, string body) =>
        tables with { ParkedMessages = [.. tables.ParkedMessages.Select(p => p.Key == key ? p with { Body = body } : p)] };

    public static Snapshot Twice(this Snapshot tables, string key) => tables with { Effects = [.. tables.Effects, tables.Effects.Single(e => e.Key == key)] };

    public static Snapshot Change(this Snapshot tables, string key, Func<Effect, Effect> change) =>
        tables with { Effects = [.. tables.Effects.Select(e => e.Key == key ? change(e) : e)] };

    public static Snapshot Reclaim(this Snapshot tables, string key, Func<Snapshot.Claimed, Snapshot.Claimed> change) =>
        tables with { Inbox = [.. tables.Inbox.Select(i => i.Key == key ? change(i) : i)] };
}
