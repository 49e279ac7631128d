using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Messaging.Transactional;

/// <summary>
/// The engine's own tables, for migrations and the checks at start. At run time they are read and written by the statements
/// beside Submissions, Inbox and Outbox, not through this model. One subclass per database carries that database's migrations.
/// </summary>
internal abstract class SchemaContext(DbContextOptions options) : DbContext(options)
{
    public const string HistoryTable = "__messaging_schema";

    public static Type TypeOf(DatabaseProvider provider) => provider switch
    {
        DatabaseProvider.Sqlite => typeof(SqliteSchemaContext),
        DatabaseProvider.PostgreSql => typeof(PostgreSqlSchemaContext),
        _ => typeof(SqlServerSchemaContext),
    };

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<SubmissionRow>(Submissions);
        modelBuilder.Entity<InboxRow>(Inbox);
        modelBuilder.Entity<OutgoingRow>(Outgoing);
        modelBuilder.Entity<ParkedRow>(Parked);
        modelBuilder.Entity<FatalAttemptsRow>(FatalAttempts);
        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(e => e.GetProperties()))
        {
            property.SetColumnName(SnakeCase(property.Name));
            if (property.ClrType == typeof(Guid) || property.ClrType == typeof(Guid?))
            {
                SetIdType(property);
            }
        }
    }

    /// <summary>Where ids and digests are sixteen plain bytes, so that they sort as they were made: everywhere but on PostgreSQL.</summary>
    protected virtual void SetIdType(Microsoft.EntityFrameworkCore.Metadata.IMutableProperty property)
    {
        property.SetValueConverter(new Microsoft.EntityFrameworkCore.Storage.ValueConversion.ValueConverter<Guid, byte[]>(
            id => id.ToByteArray(true), bytes => new Guid(bytes, true)));
        property.SetMaxLength(16);
    }

    protected virtual void Submissions(EntityTypeBuilder<SubmissionRow> table)
    {
        table.ToTable("submissions").HasKey(r => r.KeyDigest);
        table.Property(r => r.KeyDigest).ValueGeneratedNever();
        table.HasIndex(r => r.Id).IsUnique().HasDatabaseName("ix_submissions_id");
        table.HasIndex(r => r.AcceptedAtMs).HasDatabaseName("ix_submissions_accepted_at_ms");
        Scope(table);
        table.Property(r => r.Fingerprint).HasMaxLength(32);
        table.Property(r => r.Destination).HasMaxLength(300);
        table.Property(r => r.MessageType).HasMaxLength(300);
        table.Property(r => r.TraceParent).HasMaxLength(64);
    }

    protected virtual void Inbox(EntityTypeBuilder<InboxRow> table)
    {
        table.ToTable("inbox", t => t.HasCheckConstraint("ck_inbox_outcome",
            "(status IS NULL AND completed_at_ms IS NULL) OR (status IS NOT NULL AND completed_at_ms IS NOT NULL)")).HasKey(r => r.KeyDigest);
        table.Property(r => r.KeyDigest).ValueGeneratedNever();
        table.HasIndex(r => r.ClaimedAtMs).HasDatabaseName("ix_inbox_claimed_at_ms");
        table.Property(r => r.AcceptedAtMs).HasDefaultValue(0L);
        Scope(table);
        table.Property(r => r.Fingerprint).HasMaxLength(32);
        table.Property(r => r.Status).HasMaxLength(32);
    }

    protected virtual void Outgoing(EntityTypeBuilder<OutgoingRow> table)
    {
        table.ToTable("outgoing_messages").HasKey(r => r.Id);
        table.Property(r => r.Id).ValueGeneratedNever();
        table.Property(r => r.Destination).HasMaxLength(300);
        table.Property(r => r.MessageType).HasMaxLength(300);
        table.Property(r => r.Client).HasMaxLength(ScopedKey.MaxLength);
        table.Property(r => r.IdempotencyKey).HasMaxLength(ScopedKey.MaxLength);
        table.Property(r => r.Fingerprint).HasMaxLength(32);
        table.Property(r => r.TraceParent).HasMaxLength(64);
        table.Property(r => r.LastError).HasMaxLength(1000);
    }

    protected virtual void Parked(EntityTypeBuilder<ParkedRow> table)
    {
        var reasons = string.Join(", ", ParkingReason.All.Select(r => $"'{r}'"));
        table.ToTable("parked_messages", t => t.HasCheckConstraint("ck_parked_messages_reason", $"reason IN ({reasons})")).HasKey(r => r.Id);
        table.Property(r => r.Id).ValueGeneratedNever();
        table.HasIndex(r => r.ContentDigest).HasDatabaseName("ix_parked_messages_content_digest");
        table.HasIndex(r => r.KeyDigest).HasDatabaseName("ix_parked_messages_key_digest");
        table.Property(r => r.Queue).HasMaxLength(255);
        table.Property(r => r.Operation).HasMaxLength(ScopedKey.MaxLength);
        table.Property(r => r.Fingerprint).HasMaxLength(32);
        table.Property(r => r.Reason).HasMaxLength(32);
    }

    private static void FatalAttempts(EntityTypeBuilder<FatalAttemptsRow> table)
    {
        table.ToTable("fatal_attempts").HasKey(r => r.KeyDigest);
        table.Property(r => r.KeyDigest).ValueGeneratedNever();
    }

    private static void Scope<T>(EntityTypeBuilder<T> table) where T : class, IScopedRow
    {
        table.Property(r => r.Client).HasMaxLength(ScopedKey.MaxLength);
        table.Property(r => r.Operation).HasMaxLength(ScopedKey.MaxLength);
        table.Property(r => r.IdempotencyKey).HasMaxLength(ScopedKey.MaxLength);
    }

    private static string SnakeCase(string name) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}

internal sealed class SqliteSchemaContext(DbContextOptions<SqliteSchemaContext> options) : SchemaContext(options);

internal sealed class PostgreSqlSchemaContext(DbContextOptions<PostgreSqlSchemaContext> options) : SchemaContext(options)
{
    /// <summary>
    /// A row is inserted as a claim and updated once, by its own transaction, with its outcome. Where a page has room for that, the
    /// update writes no index (HOT): the unique index stays half as large, and vacuum has nothing to do in it.
    /// </summary>
    private const int InboxFillFactor = 40;

    protected override void SetIdType(Microsoft.EntityFrameworkCore.Metadata.IMutableProperty property) => property.SetColumnType("uuid");

    protected override void Inbox(EntityTypeBuilder<InboxRow> table)
    {
        base.Inbox(table);
        table.HasStorageParameter("fillfactor", InboxFillFactor);
    }
}

/// <summary>On SQL Server a digest is a poor clustering key (random order); each table is clustered on something that grows.</summary>
internal sealed class SqlServerSchemaContext(DbContextOptions<SqlServerSchemaContext> options) : SchemaContext(options)
{
    protected override void SetIdType(Microsoft.EntityFrameworkCore.Metadata.IMutableProperty property)
    {
        base.SetIdType(property);
        property.SetColumnType("binary(16)");
    }

    protected override void Submissions(EntityTypeBuilder<SubmissionRow> table)
    {
        base.Submissions(table);
        table.HasKey(r => r.KeyDigest).IsClustered(false);
        table.HasIndex(r => r.Id).IsClustered();
    }

    protected override void Inbox(EntityTypeBuilder<InboxRow> table)
    {
        base.Inbox(table);
        table.HasKey(r => r.KeyDigest).IsClustered(false);
        table.HasIndex(r => r.ClaimedAtMs).IsClustered();
    }
}
