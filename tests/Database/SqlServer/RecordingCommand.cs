using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.SqlClient;

namespace Messaging.Database;

/// <summary>A command that is never sent: whoever executes it is stopped, and its text can be looked at.</summary>
internal sealed class RecordingCommand : DbCommand
{
    private readonly SqlCommand _inner = new();

    [AllowNull]
    public override string CommandText { get => _inner.CommandText; set => _inner.CommandText = value; }

    public override int CommandTimeout { get; set; }

    public override CommandType CommandType { get; set; } = CommandType.Text;

    public override bool DesignTimeVisible { get; set; }

    public override UpdateRowSource UpdatedRowSource { get; set; }

    protected override DbConnection? DbConnection { get; set; }

    protected override DbParameterCollection DbParameterCollection => _inner.Parameters;

    protected override DbTransaction? DbTransaction { get; set; }

    /// <summary>The text that was about to be sent.</summary>
    public static async Task<string> OfAsync(Func<RecordingCommand, Task> execute)
    {
        await using var command = new RecordingCommand();
        await Assert.ThrowsAsync<NotSentException>(() => execute(command));
        return command.CommandText;
    }

    public override void Cancel()
    {
    }

    public override int ExecuteNonQuery() => throw new NotSentException();

    public override object? ExecuteScalar() => throw new NotSentException();

    public override void Prepare()
    {
    }

    protected override DbParameter CreateDbParameter() => new SqlParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => throw new NotSentException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class NotSentException() : Exception("The command is only looked at.");
}
