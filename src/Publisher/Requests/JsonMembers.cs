using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Unicode;

namespace Messaging.Publisher;

/// <summary>
/// The members of a small JSON object, read strictly: an unknown or repeated member is an error. Errors are gathered, not thrown.
/// </summary>
internal sealed class JsonMembers : IDisposable
{
    /// <summary>Valid bodies are flat; this much is read so that a nested value is named as a wrong member, not as broken JSON.</summary>
    private const int MaxDepth = 8;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MaxDepth };

    private readonly JsonDocument _document;
    private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);
    private readonly ValidationErrors _errors;

    private JsonMembers(JsonDocument document, ValidationErrors errors) => (_document, _errors) = (document, errors);

    /// <summary>Reads a body; null, with an error, if it is not a JSON object at all.</summary>
    /// <param name="body">UTF-8.</param>
    /// <param name="known">The members it may have.</param>
    /// <param name="errors">Receives what is wrong.</param>
    public static JsonMembers? Read(ReadOnlyMemory<byte> body, ReadOnlySpan<string> known, ValidationErrors errors)
    {
        if (!Utf8.IsValid(body.Span))
        {
            errors.Add(ValidationErrors.Body, "The body is not valid UTF-8.");
            return null;
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Strict);
        }
        catch (JsonException broken)
        {
            // The message of the exception repeats what the caller sent; the place is enough.
            errors.Add(ValidationErrors.Body, $"The body is not valid JSON: line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.");
            return null;
        }

        var members = new JsonMembers(document, errors);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            errors.Add(ValidationErrors.Body, "The body must be a JSON object.");
            members.Dispose();
            return null;
        }

        members.Gather(known);
        return members;
    }

    /// <summary>A text of 1 to so many UTF-16 code units, not blank; null, with an error, if it is not one.</summary>
    public string? Text(string name, int maxLength)
    {
        if (!Find(name, out var element))
        {
            return Fail<string>(name, "This member is required.");
        }

        if (element.ValueKind != JsonValueKind.String)
        {
            return Fail<string>(name, "Must be a string.");
        }

        if (ReadText(element) is not { } text)
        {
            return Fail<string>(name, "Holds half a surrogate pair, which is no character.");
        }

        return text switch
        {
            _ when string.IsNullOrWhiteSpace(text) => Fail<string>(name, "Must not be empty."),
            _ when text.Length > maxLength => Fail<string>(name, $"Must have at most {maxLength} characters."),
            _ when text.Contains('\0', StringComparison.Ordinal) => Fail<string>(name, "Must not hold the character U+0000."),
            _ => text,
        };
    }

    /// <summary>A text that may be absent or null: then <paramref name="otherwise"/>.</summary>
    public string? TextOr(string name, string otherwise, int maxLength) =>
        Find(name, out var element) && element.ValueKind != JsonValueKind.Null ? Text(name, maxLength) : otherwise;

    /// <summary>A number from <paramref name="min"/> to <paramref name="max"/>; null, with an error, if it is not one.</summary>
    public decimal? Number(string name, decimal min, decimal max, int maxDecimals)
    {
        if (!Find(name, out var element))
        {
            return FailNumber(name, "This member is required.");
        }

        if (element.ValueKind != JsonValueKind.Number)
        {
            return FailNumber(name, "Must be a number.");
        }

        var rule = maxDecimals == 0
            ? FormattableString.Invariant($"Must be a whole number from {min} to {max}.")
            : FormattableString.Invariant($"Must be from {min} to {max}, with at most {maxDecimals} decimals.");
        return ExactNumber.TryRead(JsonMarshal.GetRawUtf8Value(element), maxDecimals, out var value) && value >= min && value <= max
            ? value
            : FailNumber(name, rule);
    }

    public void Dispose() => _document.Dispose();

    private void Gather(ReadOnlySpan<string> known)
    {
        foreach (var member in _document.RootElement.EnumerateObject())
        {
            if (ReadName(member) is not { } name)
            {
                _errors.Add(ValidationErrors.Body, "A member's name holds half a surrogate pair, which is no character.");
            }
            else if (!known.Contains(name))
            {
                _errors.Add(name, "This member is unknown.");
            }
            else if (!_members.TryAdd(name, member.Value))
            {
                _errors.Add(name, "This member is there more than once.");
            }
        }
    }

    private bool Find(string name, out JsonElement element) => _members.TryGetValue(name, out element);

    /// <summary>Null for half a surrogate pair: JSON can spell it (<c>\ud800</c>), but it is no text. The framework knows only to throw.</summary>
    private static string? ReadText(JsonElement element)
    {
        try
        {
            return element.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string? ReadName(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private T? Fail<T>(string name, string error)
        where T : class
    {
        _errors.Add(name, error);
        return null;
    }

    private decimal? FailNumber(string name, string error)
    {
        _errors.Add(name, error);
        return null;
    }
}
