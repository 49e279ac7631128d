using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>The configured keys, read anew whenever the configuration changes.</summary>
internal sealed class ApiKeys : IDisposable
{
    private readonly IDisposable? _changes;
    private (byte[] Hash, Client Client)[] _entries;
    private IReadOnlyDictionary<string, ClientOptions> _clients;

    public ApiKeys(IOptionsMonitor<ClientsOptions> options)
    {
        (_entries, _clients) = (Read(options.CurrentValue), options.CurrentValue.Clients);
        _changes = options.OnChange(changed => (_entries, _clients) = (Read(changed), changed.Clients));
    }

    /// <summary>
    /// The client of a key. Every entry is compared, each in constant time: how long it takes says nothing about any of them.
    /// </summary>
    public Client? Find(string key)
    {
        var hash = ApiKey.Hash(key);
        Client? found = null;
        foreach (var (expected, client) in _entries)
        {
            found = CryptographicOperations.FixedTimeEquals(expected, hash) ? client : found;
        }

        return found;
    }

    /// <summary>The client of a valid token: what is configured for its id counts, and an id without configuration may do all.</summary>
    public Client? OfToken(string id) => _clients.TryGetValue(id, out var options) ? (options.Disabled ? null : Create(id, options)) : new(id, null);

    public void Dispose() => _changes?.Dispose();

    private static (byte[] Hash, Client Client)[] Read(ClientsOptions options) =>
    [
        .. from entry in options.Clients
           where !entry.Value.Disabled
           from hash in entry.Value.Keys
           select (Convert.FromHexString(hash), Create(entry.Key, entry.Value)),
    ];

    private static Client Create(string id, ClientOptions options) =>
        new(id, options.Operations.Count == 0 ? null : [.. options.Operations]);
}
