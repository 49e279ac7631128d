using Messaging.Consumer;
using Messaging.Transactional;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Messaging.Database;

/// <summary>The schema, as far as it can be judged without a server.</summary>
public sealed class MigrationScriptTests
{
    public static TheoryData<DatabaseProvider, bool> Contexts => new(
        from provider in Enum.GetValues<DatabaseProvider>() from engine in (bool[])[true, false] select (provider, engine));

    [Theory]
    [MemberData(nameof(Contexts))]
    public void The_migrations_are_what_the_model_says(DatabaseProvider provider, bool engine)
    {
        using var context = Create(provider, engine);

        Assert.False(context.Database.HasPendingModelChanges(), $"Run: dotnet ef migrations add … --context {context.GetType().Name}");
        Assert.NotEmpty(context.Database.GetMigrations());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_scripts_for_SQL_Server_are_Transact_SQL(bool engine)
    {
        using var context = Create(DatabaseProvider.SqlServer, engine);
        var migrator = context.GetService<IMigrator>();

        TSql.AssertParses("create", context.Database.GenerateCreateScript());
        TSql.AssertParses("migrate", migrator.GenerateScript());
        TSql.AssertParses("migrate, idempotent", migrator.GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent));
    }

    [Fact]
    public void On_SQL_Server_keys_are_binary_and_nothing_random_clusters()
    {
        using var context = Create(DatabaseProvider.SqlServer, engine: true);
        var script = context.Database.GenerateCreateScript();

        Assert.Contains("[key_digest] binary(16) NOT NULL", script, StringComparison.Ordinal);
        Assert.DoesNotContain("uniqueidentifier", script, StringComparison.Ordinal);
        Assert.Contains("CONSTRAINT [PK_inbox] PRIMARY KEY NONCLUSTERED ([key_digest])", script, StringComparison.Ordinal);
        Assert.Contains("CREATE CLUSTERED INDEX [ix_inbox_claimed_at_ms]", script, StringComparison.Ordinal);
        Assert.Contains("CREATE UNIQUE CLUSTERED INDEX [ix_submissions_id]", script, StringComparison.Ordinal);
    }

    private static DbContext Create(DatabaseProvider provider, bool engine)
    {
        var nowhere = provider switch
        {
            DatabaseProvider.Sqlite => "Data Source=nowhere",
            DatabaseProvider.PostgreSql => "Host=nowhere",
            _ => "Server=nowhere",
        };
        return engine ? Transactional.Schema.Create(new Transactional.Database(new DatabaseOptions(provider, nowhere))) : ConsumerDatabase.DesignTime(provider, nowhere);
    }
}
