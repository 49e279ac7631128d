using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Messaging.Publisher;

/// <summary>
/// A secret of 256 random bits. Being random it cannot be guessed from its hash, so one SHA-256 is enough to keep it by.
/// </summary>
internal static class ApiKey
{
    /// <summary>Tells a key from a token, and is what secret scanners look for.</summary>
    public const string Prefix = "msg_";

    public static string Create() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Why <c>new-key</c> makes no key for a client of this name: nobody could let it in. Null when it does.</summary>
    public static string? FindProblem(string client) =>
        !Client.IsId(client) ? $"'{client}' is no name for a client: {Client.IdRule}."
        : client.AsSpan().ContainsAny(":=\"\\") || client.Contains("__", StringComparison.Ordinal) || client.EndsWith('_')
            ? $"'{client}' is no name for a client with an API key: it goes into the name of a setting, which takes none of : = \" \\, no __, and no _ at the end."
        : null;

    /// <summary>What the command <c>new-key</c> prints: the key, once, and the setting that lets it in.</summary>
    public static string Introduce(string client)
    {
        var key = Create();
        return $"""
            API key of {client}, shown only now:

              {key}

            Let it in by configuring its hash:

              Clients__{client}__Keys__0={Convert.ToHexStringLower(Hash(key))}

            or, without a restart, in clients.json:

              {"{"} "Clients": {"{"} "{client}": {"{"} "Keys": ["{Convert.ToHexStringLower(Hash(key))}"] {"}"} {"}"} {"}"}
            """;
    }
}
