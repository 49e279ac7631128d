namespace Messaging.Publisher;

/// <summary>
/// One kind of refusal. The table of all of them is what <c>/problems/{code}</c> shows and <c>docs/http.md</c> lists; codes are
/// part of the contract and never change their meaning.
/// </summary>
/// <param name="Code">The last segment of the type URI, and the member <c>code</c>.</param>
/// <param name="Status">The HTTP status, always the same for one code.</param>
/// <param name="Title">The same in every occurrence.</param>
/// <param name="Mend">What the caller should do.</param>
internal sealed record ProblemType(string Code, int Status, string Title, string Mend)
{
    public static readonly ProblemType BadRequest = new(
        "bad-request", 400, "The request is not valid HTTP.",
        "A header cannot be read, or the body is not as long as Content-Length or its chunks say. Send the request through an HTTP library; the key was not used.");

    public static readonly ProblemType KeyRequired = new(
        "idempotency-key-required", 400, "The header Idempotency-Key is missing.",
        "Send Idempotency-Key with a value of your own that no other request uses, for instance a UUID, and send the same value when you retry.");

    public static readonly ProblemType KeyMalformed = new(
        "idempotency-key-malformed", 400, "The header Idempotency-Key is malformed.",
        "Send it once, as a quoted string of ASCII characters: Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\".");

    public static readonly ProblemType KeyInvalid = new(
        "idempotency-key-invalid", 400, "The idempotency key breaks a rule.",
        "The detail names the rule. A key has 1 to 255 characters.");

    public static readonly ProblemType Validation = new(
        "validation", 400, "The body is not valid.",
        "Mend every member named in errors; $ stands for the body as a whole. The key was not used: send the mended body with the same key or another one.");

    public static readonly ProblemType Unauthorized = new(
        "unauthorized", 401, "Credentials are missing or not valid.",
        "Send Authorization: Bearer with an API key or a token, or X-Api-Key with an API key; one of them, once.");

    public static readonly ProblemType Forbidden = new(
        "forbidden", 403, "This client may not do that.",
        "Ask the operator to allow the operation for this client.");

    public static readonly ProblemType NotFound = new(
        "not-found", 404, "There is nothing here.",
        "Use the address from the Location header of the acceptance, with the credentials that submitted it.");

    public static readonly ProblemType MethodNotAllowed = new(
        "method-not-allowed", 405, "This address does not take that method.",
        "Use one of the methods in the Allow header.");

    public static readonly ProblemType RequestTimeout = new(
        "request-timeout", 408, "The body arrived too slowly.",
        "Send the request again, with the same key.");

    public static readonly ProblemType KeyInFlight = new(
        "idempotency-in-flight", 409, "A request with this key is being accepted right now.",
        "Send the same request again after Retry-After; you will get the first one's answer. This never means that the job is still running.");

    public static readonly ProblemType BodyTooLarge = new(
        "content-too-large", 413, "The body is too large.",
        "The detail names the limit. The key was not used.");

    public static readonly ProblemType MediaType = new(
        "unsupported-media-type", 415, "The body must be JSON in UTF-8.",
        "Send Content-Type: application/json, and no Content-Encoding.");

    public static readonly ProblemType KeyReused = new(
        "idempotency-key-reused", 422, "This key was used with another payload.",
        "Use a new key for a new request; to retry a request, send exactly what was sent first. The first request is untouched.");

    public static readonly ProblemType RateLimited = new(
        "rate-limited", 429, "This client makes too many requests.",
        "Send the same request again, with the same key, after Retry-After.");

    public static readonly ProblemType TooManyNewKeys = new(
        "too-many-new-keys", 429, "This client submits too much at once.",
        "Send the same request again, with the same key, after Retry-After.");

    public static readonly ProblemType TooManyWaiting = new(
        "too-many-waiting", 429, "Too many callers are waiting for events.",
        "Ask for the status instead, or open the stream after Retry-After.");

    public static readonly ProblemType Internal = new(
        "internal-error", 500, "The service failed.",
        "Nothing was stored under the key, or the key finds it: send the same request again. If it keeps failing, tell the operator the trace_id.");

    public static readonly ProblemType Unavailable = new(
        "unavailable", 503, "The service cannot store orders now.",
        "Send the same request again, with the same key, after Retry-After.");

    public static readonly ProblemType Overloaded = new(
        "overloaded", 503, "The service has taken in as much as it can hold.",
        "Send the same request again, with the same key, after Retry-After.");

    /// <summary>All of them, by code.</summary>
    public static readonly IReadOnlyDictionary<string, ProblemType> All = new[]
    {
        BadRequest, KeyRequired, KeyMalformed, KeyInvalid, Validation, Unauthorized, Forbidden, NotFound, MethodNotAllowed, RequestTimeout,
        KeyInFlight, BodyTooLarge, MediaType, KeyReused, RateLimited, TooManyNewKeys, TooManyWaiting, Internal, Unavailable, Overloaded,
    }.ToDictionary(type => type.Code, StringComparer.Ordinal);

    /// <summary>What a status means that the server set without saying more.</summary>
    public static ProblemType OfStatus(int status) => status switch
    {
        404 => NotFound,
        405 => MethodNotAllowed,
        408 => RequestTimeout,
        413 => BodyTooLarge,
        415 => MediaType,
        >= 500 => Internal,
        _ => BadRequest,
    };
}
