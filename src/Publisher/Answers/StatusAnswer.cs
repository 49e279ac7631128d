using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Messaging.Transactional;

namespace Messaging.Publisher;

/// <summary>
/// 200: what was submitted, how far it has come, and what came of it. As the answer to a submission whose caller waited for the
/// outcome: 201 if the effect took place.
/// </summary>
internal sealed record StatusAnswer(SubmissionStatus Submission) : IResult
{
    /// <summary>The acceptance that this answers instead of, if this answers a submission.</summary>
    public Acceptance? Submitted { get; init; }

    /// <summary>The wait that was granted, if one was asked for.</summary>
    public int? WaitedSeconds { get; init; }

    private static readonly JsonWriterOptions Writing = new() { Encoder = PublisherJson.Encoder };

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.Headers.CacheControl = "no-store";
        if (WaitedSeconds is { } seconds)
        {
            response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={seconds}");
        }

        if (Submitted is { } acceptance)
        {
            response.StatusCode = Submission.Outcome is { Failed: false } ? StatusCodes.Status201Created : StatusCodes.Status200OK;
            acceptance.WriteHeaders(httpContext);
        }

        if (Submission.State == SubmissionState.Accepted)
        {
            response.Headers.RetryAfter = Acceptance.RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        var body = Write(Submission);
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body, httpContext.RequestAborted).AsTask();
    }

    /// <summary>The status body: the members of the acceptance, with the state of now in place of "accepted".</summary>
    public static ReadOnlyMemory<byte> Write(SubmissionStatus submission)
    {
        var output = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(output, Writing);
        writer.WriteStartObject();
        CopySubmitted(submission.Acceptance, writer);
        writer.WriteString("status"u8, Word(submission));
        if (submission.Outcome is { Result: { } result } outcome)
        {
            writer.WritePropertyName(outcome.Failed ? "error"u8 : "result"u8);
            writer.WriteRawValue(result, skipInputValidation: true);
        }

        WriteTime(writer, "accepted_at"u8, submission.AcceptedAt);
        if (submission.CompletedAt is { } completedAt)
        {
            WriteTime(writer, "completed_at"u8, completedAt);
        }

        WriteTime(writer, "key_expires_at"u8, submission.KeyExpiresAt);
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenMemory;
    }

    private static string Word(SubmissionStatus submission) => submission.State switch
    {
        SubmissionState.Completed => submission.Outcome!.Status,
        SubmissionState.Parked => "parked",
        _ => "accepted",
    };

    private static void CopySubmitted(ReadOnlyMemory<byte> acceptance, Utf8JsonWriter writer)
    {
        using var document = JsonDocument.Parse(acceptance);
        foreach (var member in document.RootElement.EnumerateObject())
        {
            if (!member.NameEquals("status"u8))
            {
                member.WriteTo(writer);
            }
        }
    }

    private static void WriteTime(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset time) =>
        writer.WriteString(name, time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
}
