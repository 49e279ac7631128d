using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>Takes every connection that a server has to give, those of its services too, and holds them until disposed.</summary>
internal sealed class ConnectionHoard : IAsyncDisposable
{
    private const string Name = "hoard";
    private const int Rounds = 50;

    private readonly List<NpgsqlConnection> _held = [];

    public int Count => _held.Count;

    public static async Task<ConnectionHoard> TakeAsync(string connectionString)
    {
        var hoard = new ConnectionHoard();
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, ApplicationName = Name };
        await Eventually.True(() => hoard.TakeAllAsync(settings.ConnectionString), what: "no connection to be left to anybody else");
        return hoard;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _held)
        {
            await connection.DisposeAsync();
        }
    }

    /// <summary>Round after round without a pause: in one, whoever asks every few milliseconds would be first each time.</summary>
    private async Task<bool> TakeAllAsync(string connectionString)
    {
        for (var round = 0; round < Rounds; round++)
        {
            // Nobody to be seen is not enough: one that is ending is not seen any more, and its place goes to whoever asks next.
            if (await TakeRestAsync(connectionString) == 0 && _held.Count >= await PlacesAsync())
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>All that the server has; the user of tests may have also those that are reserved.</summary>
    private async Task<int> PlacesAsync()
    {
        await using var command = new NpgsqlCommand("SELECT current_setting('max_connections')::int", _held[0]);
        return (int)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    /// <summary>Takes what is free, then ends what others have; returns how many that were.</summary>
    private async Task<long> TakeRestAsync(string connectionString)
    {
        try
        {
            while (true)
            {
                var connection = new NpgsqlConnection(connectionString);
                await connection.OpenAsync(TestContext.Current.CancellationToken);
                _held.Add(connection);
            }
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.TooManyConnections)
        {
            await using var command = new NpgsqlCommand(
                $"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> '{Name}'", _held[0]);
            return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        }
    }
}
