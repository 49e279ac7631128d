using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Section <c>Authentication</c>.</summary>
internal sealed class AuthenticationOptions
{
    /// <summary>
    /// Serve callers on this machine without credentials, as the client <c>anonymous</c>. Only Development and Standalone can;
    /// there it is the default, and false turns it off.
    /// </summary>
    public bool? Anonymous { get; set; }

    /// <summary>Tokens of an identity provider.</summary>
    public JwtOptions Jwt { get; set; } = new();
}

/// <summary>Section <c>Authentication:Jwt</c>.</summary>
internal sealed class JwtOptions
{
    /// <summary>The issuer, whose keys are found by OpenID discovery; null: no tokens are taken.</summary>
    public string? Authority { get; set; }

    /// <summary>The audience that tokens must be made for.</summary>
    public string? Audience { get; set; }

    /// <summary>The claim that holds the client id.</summary>
    public string ClientClaim { get; set; } = "client_id";

    /// <summary>A scope that tokens must have; null: none. A token without it is answered 403.</summary>
    public string? Scope { get; set; }

    /// <summary>Signature algorithms; asymmetric ones only, so that no public key can be passed off as a shared secret.</summary>
    public IList<string> Algorithms { get; } = [];

    public static IReadOnlyList<string> AllAlgorithms { get; } = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];
}

/// <summary>Names what cannot be used, and the setting to mend.</summary>
internal sealed class AuthenticationOptionsValidator : IValidateOptions<AuthenticationOptions>
{
    public ValidateOptionsResult Validate(string? name, AuthenticationOptions options)
    {
        var jwt = options.Jwt;
        if (jwt.Authority is null)
        {
            return ValidateOptionsResult.Success;
        }

        if (!Uri.TryCreate(jwt.Authority, UriKind.Absolute, out var authority) || (authority.Scheme != Uri.UriSchemeHttps && !authority.IsLoopback))
        {
            return ValidateOptionsResult.Fail("Authentication__Jwt__Authority must be an https address.");
        }

        if (string.IsNullOrEmpty(jwt.Audience))
        {
            return ValidateOptionsResult.Fail("Authentication__Jwt__Audience is not set. Set it to the audience that tokens for this service carry: without one, a token for any other service would do.");
        }

        return jwt.Algorithms.FirstOrDefault(algorithm => !JwtOptions.AllAlgorithms.Contains(algorithm)) is { } unknown
            ? ValidateOptionsResult.Fail($"Authentication__Jwt__Algorithms: '{unknown}' is none of {string.Join(", ", JwtOptions.AllAlgorithms)}.")
            : ValidateOptionsResult.Success;
    }
}
