using Messaging.Services;
using Npgsql;

namespace Messaging.Stack;

/// <summary>Takes every connection that a server has to give, those of its services too, and holds them until disposed.</summary>
internal sealed class ConnectionHoard : IAsyncDisposable
{
    private const string Name = "hoard";

    private readonly List<NpgsqlConnection> _held = [];

    public int Count => _held.Count;

    public static async Task<ConnectionHoard> TakeAsync(string connectionString)
    {
        var hoard = new ConnectionHoard();
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, ApplicationName = Name };
        await Eventually.True(async () => await hoard.TakeRestAsync(settings.ConnectionString) == 0, what: "no connection to be left to anybody else");
        return hoard;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _held)
        {
            await connection.DisposeAsync();
        }
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
