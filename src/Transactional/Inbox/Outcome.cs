using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>
/// What a handler answers: a status, a result to keep, and the events to send. All three are committed with the effect, or none.
/// </summary>
public sealed record Outcome
{
    private const string FailedStatus = "failed";

    private Outcome(string status, byte[]? result) => (Status, Result) = (status, result);

    /// <summary>One lower-case word that callers see, for instance <c>created</c>; <c>failed</c> for a business refusal.</summary>
    public string Status { get; }

    /// <summary>True for a business refusal: stored, final, never retried.</summary>
    public bool Failed => Status == FailedStatus;

    /// <summary>UTF-8 JSON that callers see as <c>result</c> or, after a refusal, as <c>error</c>; null when there is none.</summary>
    public byte[]? Result { get; }

    /// <summary>Sent after the commit, each under a key derived from its cause.</summary>
    public IReadOnlyList<object> Events { get; private init; } = [];

    /// <summary>The effect took place.</summary>
    /// <param name="status">One lower-case word, 1–32 characters, for instance <c>created</c>.</param>
    /// <param name="result">Serialised with System.Text.Json in snake_case; null for none.</param>
    public static Outcome Completed(string status, object? result = null) =>
        new(status, result is null ? null : JsonSerializer.SerializeToUtf8Bytes(result, result.GetType(), ResultJson));

    /// <summary>The business said no. This is an outcome like any other: stored, final, answered to every replay.</summary>
    /// <param name="code">A stable lower-case code, for instance <c>insufficient-funds</c>.</param>
    /// <param name="detail">One sentence for the caller.</param>
    public static Outcome Refused(string code, string detail) =>
        new(FailedStatus, JsonSerializer.SerializeToUtf8Bytes(new Refusal(code, detail), ResultJson));

    /// <summary>This outcome, with one more event to send.</summary>
    /// <param name="message">A contract; its type must have a namespace.</param>
    public Outcome Publishing(object message) => this with { Events = [.. Events, message] };

    internal static Outcome Stored(string status, byte[]? result) => new(status, result);

    private static readonly JsonSerializerOptions ResultJson = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private sealed record Refusal(string Code, string Detail);
}
