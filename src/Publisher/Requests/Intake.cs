using System.Buffers;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Messaging.Publisher;

/// <summary>A request as far as its kind does not matter: refused, or a key with a body of bounded size.</summary>
/// <param name="Refusal">Null if key and body are there.</param>
/// <param name="Key">From the header.</param>
/// <param name="Body">Unread bytes, within the size limit.</param>
internal readonly record struct Received(Problem? Refusal, IdempotencyKey Key, ReadOnlyMemory<byte> Body);

/// <summary>
/// The checks that come before the body is looked at, in the contract's order: media type, size, key. What they refuse leaves
/// the key unused.
/// </summary>
internal sealed class Intake(IOptions<LimitsOptions> limits, IOptions<IdempotencyOptions> idempotency)
{
    public async ValueTask<Received> ReceiveAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (RefuseMediaType(request) is { } wrongType)
        {
            return new(wrongType, default, default);
        }

        if (await ReadBodyAsync(request, cancellationToken) is not { } body)
        {
            return new(ProblemAnswers.TooLarge(limits.Value.MaxBodyBytes), default, default);
        }

        var reading = IdempotencyKey.Read(request.Headers[IdempotencyKey.Header], idempotency.Value.Strict, out var key);
        return new(RefuseKey(reading), key, body);
    }

    private static Problem? RefuseMediaType(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.Count > 0)
        {
            return new Problem(ProblemType.MediaType, "A Content-Encoding is not supported: send the body uncompressed.")
            {
                Header = (HeaderNames.AcceptEncoding, "identity"),
            };
        }

        // The server undoes chunked and nothing else: what is below another coding would be taken for the body itself.
        if (request.Headers.TransferEncoding is { Count: > 0 } coding && !coding.ToString().Trim().Equals("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return new Problem(ProblemType.MediaType, "A Transfer-Encoding other than chunked is not supported: send the body uncompressed.");
        }

        var isJson = MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        return isJson ? null : new Problem(ProblemType.MediaType, ProblemType.MediaType.Mend) { Header = (HeaderNames.Accept, "application/json") };
    }

    /// <summary>Null if it is too large. A length that was announced is believed before anything is read.</summary>
    private async ValueTask<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var limit = limits.Value.MaxBodyBytes;
        if (request.ContentLength > limit)
        {
            return null;
        }

        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > limit)
            {
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return body;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static Problem? RefuseKey(KeyReading reading) => reading switch
    {
        KeyReading.Ok => null,
        KeyReading.Missing => new Problem(ProblemType.KeyRequired, ProblemType.KeyRequired.Mend),
        KeyReading.Malformed => new Problem(ProblemType.KeyMalformed, ProblemType.KeyMalformed.Mend),
        KeyReading.Empty => new Problem(ProblemType.KeyInvalid, "The key is empty; it must have 1 to 255 characters."),
        _ => new Problem(ProblemType.KeyInvalid, $"The key is longer than {IdempotencyKey.MaxLength} characters."),
    };
}
