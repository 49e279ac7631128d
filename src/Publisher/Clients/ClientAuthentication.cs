using System.Net;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>
/// Finds out who is calling, before anything under <c>/api</c> is looked at, even whether the address exists: a caller without
/// credentials learns nothing.
/// </summary>
internal sealed partial class ClientAuthentication(
    RequestDelegate next,
    ApiKeys keys,
    AnonymousAccess anonymous,
    IOptions<AuthenticationOptions> options,
    IOptionsMonitor<JwtBearerOptions> bearer,
    ILogger<ClientAuthentication> logger)
{
    private const string ApiKeyHeader = "X-Api-Key";
    private const string Bearer = "Bearer ";

    public async Task InvokeAsync(HttpContext http)
    {
        if (!http.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase))
        {
            await next(http);
            return;
        }

        var (client, refusal) = await IdentifyAsync(http);
        if (client is not null && http.GetEndpoint()?.Metadata.GetMetadata<OperationMetadata>() is { } wanted && !client.May(wanted.Operation))
        {
            refusal = new Problem(ProblemType.Forbidden, $"This client may not use {wanted.Operation}.");
        }

        if (refusal is not null)
        {
            await refusal.ExecuteAsync(http);
            return;
        }

        http.Features.Set(client);
        await next(http);
    }

    private async ValueTask<(Client? Client, Problem? Refusal)> IdentifyAsync(HttpContext http)
    {
        var (authorization, apiKey) = (http.Request.Headers.Authorization, http.Request.Headers[ApiKeyHeader]);
        if (authorization.Count == 1 && authorization.ToString().Trim().Equals(Bearer.TrimEnd(), StringComparison.OrdinalIgnoreCase))
        {
            authorization = default; // The reading page sends the scheme alone while no token has been entered.
        }

        switch (authorization.Count, apiKey.Count)
        {
            case (0, 0):
                return anonymous.Allows(http) ? (Client.Anonymous, null) : (null, NoCredentials);
            case (0, 1):
                return Known(keys.Find(apiKey.ToString()));
            case (1, 0) when authorization.ToString() is var value && value.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase):
                var secret = value[Bearer.Length..].Trim();
                return secret.StartsWith(ApiKey.Prefix, StringComparison.Ordinal) || options.Value.Jwt.Authority is null
                    ? Known(keys.Find(secret))
                    : await OfTokenAsync(http);
            default:
                return (null, BadCredentials); // Both, several, or another scheme.
        }
    }

    private async ValueTask<(Client? Client, Problem? Refusal)> OfTokenAsync(HttpContext http)
    {
        try
        {
            // Kept for hours once fetched. Asked for here, because a token that no key is known for would count as forged below.
            await bearer.Get(JwtBearerDefaults.AuthenticationScheme).ConfigurationManager!.GetConfigurationAsync(http.RequestAborted);
        }
        catch (InvalidOperationException failure)
        {
            LogNoKeys(failure);
            return (null, new Problem(ProblemType.Unavailable, "Tokens cannot be checked now: the identity provider does not answer.") { RetryAfterSeconds = 5 });
        }

        var result = await http.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        var jwt = options.Value.Jwt;
        if (!result.Succeeded || result.Principal.FindFirst(jwt.ClientClaim)?.Value is not { } id || !Client.IsId(id))
        {
            return (null, BadCredentials);
        }

        if (jwt.Scope is { } scope && !result.Principal.FindAll("scope").SelectMany(claim => claim.Value.Split(' ')).Contains(scope))
        {
            return (null, new Problem(ProblemType.Forbidden, $"The token lacks the scope {scope}."));
        }

        return Known(keys.OfToken(id));
    }

    private static (Client? Client, Problem? Refusal) Known(Client? client) => client is null ? (null, BadCredentials) : (client, null);

    private static Problem NoCredentials { get; } = Refuse("Bearer realm=\"messaging\"");

    private static Problem BadCredentials { get; } = Refuse("Bearer realm=\"messaging\", error=\"invalid_token\"");

    private static Problem Refuse(string challenge) =>
        new(ProblemType.Unauthorized, ProblemType.Unauthorized.Mend) { Header = ("WWW-Authenticate", challenge) };

    [LoggerMessage(Level = LogLevel.Error, Message = "The signing keys of Authentication__Jwt__Authority cannot be fetched; the request was answered 503.")]
    private partial void LogNoKeys(Exception failure);
}

/// <summary>Whether a caller without credentials is served: on this machine only, and only where the host allows it.</summary>
internal sealed class AnonymousAccess(bool allowed)
{
    public bool Allowed => allowed;

    /// <summary>
    /// Both ends on loopback. A request through a proxy is not from this machine, whatever its last hop; one under a foreign host
    /// name comes from a web page that had its name pointed at this machine (DNS rebinding).
    /// </summary>
    public bool Allows(HttpContext http) =>
        allowed
        && http.Connection is { RemoteIpAddress: { } remote, LocalIpAddress: { } local }
        && IPAddress.IsLoopback(remote)
        && IPAddress.IsLoopback(local)
        && !http.Request.Headers.ContainsKey("X-Forwarded-For")
        && !http.Request.Headers.ContainsKey("Forwarded")
        && (http.Request.Host.Host is "localhost" or "127.0.0.1" or "[::1]" or "");
}
