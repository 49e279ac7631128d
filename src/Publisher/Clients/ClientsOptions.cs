using Messaging.Contracts;
using Messaging.Transactional;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Section <c>Clients</c>: by client id. Changes in <c>clients.json</c> count within five seconds.</summary>
internal sealed class ClientsOptions
{
    public Dictionary<string, ClientOptions> Clients { get; } = new(StringComparer.Ordinal);
}

/// <summary>One client.</summary>
internal sealed class ClientOptions
{
    /// <summary>SHA-256 of each of its API keys, 64 hexadecimal digits; two while a key is being replaced.</summary>
    public IList<string> Keys { get; } = [];

    /// <summary>Refuse it, by API key and by token.</summary>
    public bool Disabled { get; set; }

    /// <summary>The operations it may use; none given: all.</summary>
    public IList<string> Operations { get; } = [];
}

/// <summary>Names what cannot be used, and the setting to mend.</summary>
internal sealed class ClientsOptionsValidator : IValidateOptions<ClientsOptions>
{
    private static readonly string[] Known = [SubmitOrder.Operation, CapturePayment.Operation];

    public ValidateOptionsResult Validate(string? name, ClientsOptions options)
    {
        var failures = new List<string>();
        foreach (var (id, client) in options.Clients)
        {
            if (!Client.IsId(id))
            {
                failures.Add($"Clients__{id}: {Client.IdRule}.");
            }

            failures.AddRange(client.Keys
                .Select((hash, at) => (hash, at))
                .Where(entry => entry.hash.Length != 64 || !entry.hash.All(char.IsAsciiHexDigit))
                .Select(entry => $"Clients__{id}__Keys__{entry.at} must be the SHA-256 of an API key, 64 hexadecimal digits. The command new-key {id} makes a key and its hash."));
            failures.AddRange(client.Operations
                .Where(operation => !Known.Contains(operation))
                .Select(operation => $"Clients__{id}__Operations: '{operation}' is none of {string.Join(", ", Known)}."));
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
