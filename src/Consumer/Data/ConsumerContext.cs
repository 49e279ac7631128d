using Microsoft.EntityFrameworkCore;

namespace Messaging.Consumer;

/// <summary>The business tables. One subclass per database carries that database's migrations.</summary>
public abstract class ConsumerContext(DbContextOptions options) : DbContext(options)
{
    internal const string HistoryTable = "__consumer_schema";

    public DbSet<OrderRow> Orders => Set<OrderRow>();

    public DbSet<LedgerEntry> Ledger => Set<LedgerEntry>();

    public DbSet<Balance> Balances => Set<Balance>();

    /// <summary>Written with the next <see cref="SaveChangesAsync(bool, CancellationToken)"/>.</summary>
    internal CapturedPayments CapturedPayments { get; } = new();

    /// <summary>Writes the captured payments first: their balances are locked in an order that EF Core's own does not keep.</summary>
    public override async Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        await CapturedPayments.WriteAsync(this, cancellationToken);
        return await base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    /// <exception cref="InvalidOperationException">Payments were captured: they are only written asynchronously.</exception>
    public override int SaveChanges(bool acceptAllChangesOnSuccess) => CapturedPayments.AreWritten
        ? base.SaveChanges(acceptAllChangesOnSuccess)
        : throw new InvalidOperationException("Captured payments wait to be written. Call SaveChangesAsync instead.");

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        ArgumentNullException.ThrowIfNull(modelBuilder);
        // No unique index on the order id or the key, on purpose: the inbox alone decides. A second effect must show, not turn into an error.
        modelBuilder.Entity<OrderRow>(table =>
        {
            table.ToTable("orders", t => t.HasCheckConstraint("ck_orders_quantity", "quantity >= 1"));
            table.HasKey(r => r.Id);
            table.HasIndex(r => r.OrderId).HasDatabaseName("ix_orders_order_id");
            table.Property(r => r.Client).HasMaxLength(255);
            table.Property(r => r.IdempotencyKey).HasMaxLength(255);
            table.Property(r => r.Item).HasMaxLength(Contracts.SubmitOrder.MaxItemLength);
        });
        modelBuilder.Entity<LedgerEntry>(table =>
        {
            table.ToTable("ledger", t => t.HasCheckConstraint("ck_ledger_amount", "amount > 0"));
            table.HasKey(r => r.Id);
            table.HasIndex(r => r.PaymentId).HasDatabaseName("ix_ledger_payment_id");
            table.Property(r => r.Client).HasMaxLength(255);
            table.Property(r => r.IdempotencyKey).HasMaxLength(255);
            table.Property(r => r.Amount).HasPrecision(19, 4);
            table.Property(r => r.Currency).HasMaxLength(3);
        });
        modelBuilder.Entity<Balance>(table =>
        {
            table.ToTable("balances");
            table.HasKey(r => new { r.Client, r.Currency });
            table.Property(r => r.Client).HasMaxLength(255);
            table.Property(r => r.Currency).HasMaxLength(3);
            table.Property(r => r.Amount).HasPrecision(23, 4);
        });
        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(e => e.GetProperties()))
        {
            property.SetColumnName(System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            property.ValueGenerated = Microsoft.EntityFrameworkCore.Metadata.ValueGenerated.Never;
        }
    }
}

internal sealed class SqliteConsumerContext(DbContextOptions<SqliteConsumerContext> options) : ConsumerContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        // SQLite compares the text it keeps a decimal in; the number is what must be positive.
        modelBuilder.Entity<LedgerEntry>().ToTable("ledger", t => t.HasCheckConstraint("ck_ledger_amount", "CAST(amount AS REAL) > 0"));
    }
}

internal sealed class PostgreSqlConsumerContext(DbContextOptions<PostgreSqlConsumerContext> options) : ConsumerContext(options);

internal sealed class SqlServerConsumerContext(DbContextOptions<SqlServerConsumerContext> options) : ConsumerContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        // Compared byte by byte, as everywhere else; and a time-ordered id is not ordered for this database, so it does not cluster.
        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(e => e.GetProperties()).Where(p => p.Name is "Client" or "IdempotencyKey" or "Currency"))
        {
            property.SetCollation("Latin1_General_100_BIN2");
        }

        modelBuilder.Entity<OrderRow>(table =>
        {
            table.HasKey(r => r.Id).IsClustered(false);
            table.HasIndex(r => r.CreatedAt).IsClustered().HasDatabaseName("ix_orders_created_at");
        });
        modelBuilder.Entity<LedgerEntry>(table =>
        {
            table.HasKey(r => r.Id).IsClustered(false);
            table.HasIndex(r => r.CapturedAt).IsClustered().HasDatabaseName("ix_ledger_captured_at");
        });
    }
}
