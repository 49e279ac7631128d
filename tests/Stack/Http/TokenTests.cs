using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>Tokens of an identity provider that the test itself plays.</summary>
public sealed class TokenTests(SqliteFront front) : IClassFixture<SqliteFront>
{
    private const string Audience = "messaging";

    [Fact]
    public async Task E4_a_token_names_its_client_and_a_wrong_one_is_refused()
    {
        using var provider = new IdentityProvider();
        await using var service = await front.StartAnotherAsync(
            ("Authentication__Jwt__Authority", provider.Issuer), ("Authentication__Jwt__Audience", Audience), ("Authentication__Jwt__Scope", "orders"), ("Clients__barred__Disabled", "true"));
        var key = Front.NewKey();
        var good = provider.Token(new() { ["client_id"] = "shop" });
        var first = await OrderAsync(service, good, key);
        first.MustBe(HttpStatusCode.Accepted);
        Assert.Equal(first.Body, (await OrderAsync(service, Front.Shop, key)).Body);
        Assert.Equal("", (await OrderAsync(service, provider.Token(new() { ["client_id"] = "another" }), key)).MustBe(HttpStatusCode.Accepted)["Idempotent-Replayed"]);

        (await OrderAsync(service, provider.Token(new() { ["client_id"] = "~" + new string('!', 254) }), key)).MustBe(HttpStatusCode.Accepted);
        (await OrderAsync(service, provider.Token(new() { ["client_id"] = "shop", ["scope"] = "read" }), key)).MustBe(HttpStatusCode.Forbidden, "forbidden");
        foreach (var wrong in new[]
        {
            provider.Token(new() { ["client_id"] = "shop", ["aud"] = "another" }),
            provider.Token(new() { ["client_id"] = "shop", ["iss"] = "https://evil.example" }),
            provider.Token(new() { ["client_id"] = "shop", ["exp"] = TimeProvider.System.GetUtcNow().AddHours(-1).ToUnixTimeSeconds() }),
            provider.Token(new() { ["client_id"] = "anonymous" }),
            provider.Token(new() { ["client_id"] = "barred" }),
            provider.Token(new() { ["client_id"] = "" }),
            provider.Token(new() { ["client_id"] = "caf\u00e9" }),
            provider.Token(new() { ["client_id"] = "shop " }),
            provider.Token(new() { ["client_id"] = "my shop" }),
            provider.Token(new() { ["client_id"] = "shop\n" }),
            provider.Token(new() { ["client_id"] = new string('x', 256) }),
            provider.Token([]),
            provider.Unsigned(new() { ["client_id"] = "shop" }),
            provider.SignedWithThePublicKeyAsSecret(new() { ["client_id"] = "shop" }),
            good[..^4] + "AAAA",
            "no.token.atall",
        })
        {
            (await OrderAsync(service, wrong, key)).MustBe(HttpStatusCode.Unauthorized, "unauthorized");
        }
    }

    [Fact]
    public async Task With_the_identity_provider_away_a_token_is_answered_503()
    {
        await using var service = await front.StartAnotherAsync(("Authentication__Jwt__Authority", $"http://127.0.0.1:{FreePort.Next()}/"), ("Authentication__Jwt__Audience", Audience));
        using var provider = new IdentityProvider();
        Assert.NotEmpty((await OrderAsync(service, provider.Token(new() { ["client_id"] = "shop" }), Front.NewKey())).MustBe(HttpStatusCode.ServiceUnavailable, "unavailable")["Retry-After"]);
        (await OrderAsync(service, Front.Shop, Front.NewKey())).MustBe(HttpStatusCode.Accepted);
    }

    private static async Task<Answer> OrderAsync(ServiceProcess service, string token, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/orders") { Content = new StringContent("""{"item":"book","quantity":1}""", Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        return await Front.SendAsync(service, request, token);
    }

    /// <summary>OpenID discovery, one signing key, and tokens of every kind.</summary>
    private sealed class IdentityProvider : IDisposable
    {
        private readonly RSA _key = RSA.Create(2048);
        private readonly HttpListener _listener = new();

        public IdentityProvider()
        {
            Issuer = $"http://127.0.0.1:{FreePort.Next()}/";
            _listener.Prefixes.Add(Issuer);
            _listener.Start();
            _ = AnswerAsync();
        }

        public string Issuer { get; }

        public string Token(Dictionary<string, object> claims)
        {
            var text = Part(new Dictionary<string, object> { ["alg"] = "RS256", ["kid"] = "k", ["typ"] = "JWT" }) + "." + Part(Claims(claims));
            return $"{text}.{Base64(_key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
        }

        public string Unsigned(Dictionary<string, object> claims) => Part(new Dictionary<string, object> { ["alg"] = "none" }) + "." + Part(Claims(claims)) + ".";

        public string SignedWithThePublicKeyAsSecret(Dictionary<string, object> claims)
        {
            var text = Part(new Dictionary<string, object> { ["alg"] = "HS256", ["kid"] = "k" }) + "." + Part(Claims(claims));
            return $"{text}.{Base64(HMACSHA256.HashData(_key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(text)))}";
        }

        public void Dispose()
        {
            _listener.Close();
            _key.Dispose();
        }

        private Dictionary<string, object> Claims(Dictionary<string, object> claims)
        {
            var all = new Dictionary<string, object> { ["iss"] = Issuer, ["aud"] = Audience, ["scope"] = "read orders", ["exp"] = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds() };
            foreach (var (name, value) in claims)
            {
                all[name] = value;
            }

            return all;
        }

        private async Task AnswerAsync()
        {
            try
            {
                while (true)
                {
                    var context = await _listener.GetContextAsync();
                    var key = _key.ExportParameters(includePrivateParameters: false);
                    object body = context.Request.Url!.AbsolutePath.EndsWith("/keys", StringComparison.Ordinal)
                        ? new { keys = new[] { new { kty = "RSA", use = "sig", kid = "k", alg = "RS256", n = Base64(key.Modulus!), e = Base64(key.Exponent!) } } }
                        : new { issuer = Issuer, jwks_uri = Issuer + "keys" };
                    await context.Response.OutputStream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(body));
                    context.Response.Close();
                }
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                // Closed: the test is over.
            }
        }

        private static string Part(Dictionary<string, object> members) => Base64(JsonSerializer.SerializeToUtf8Bytes(members));

        private static string Base64(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
    }
}
