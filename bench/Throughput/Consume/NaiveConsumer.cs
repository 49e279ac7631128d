using MassTransit;
using Messaging.Contracts;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Messaging.Throughput;

/// <summary>
/// The usual consumer: is the key there? If not, add it and the order, and save. Its unique index saves it from the race between
/// the question and the insert, as it does in the better half of such consumers.
/// </summary>
internal sealed class NaiveConsumer(NaiveContext database, Progress progress) : IConsumer<SubmitOrder>
{
    public async Task Consume(ConsumeContext<SubmitOrder> context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var order = context.Message;
        if (!await database.Processed.AnyAsync(p => p.Key == order.IdempotencyKey, context.CancellationToken))
        {
            database.Processed.Add(new Processed { Key = order.IdempotencyKey });
            database.Orders.Add(new NaiveOrder { OrderId = order.OrderId, Key = order.IdempotencyKey, Item = order.Item, Quantity = order.Quantity });
            try
            {
                await database.SaveChangesAsync(context.CancellationToken);
            }
            catch (DbUpdateException exception) when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
            {
                // Another delivery of the same key was faster.
            }
        }

        progress.Add(1);
    }

    /// <param name="work">The queue to drain.</param>
    /// <param name="prefetch">As many messages are at work at once; null leaves it at MassTransit's default, twice the number of processors and at least 16.</param>
    public static async Task<double> RunAsync(Assignment work, ushort? prefetch = null)
    {
        var progress = new Progress(work.Total);
        await MassTransitHost.RunAsync(work, progress.Finished,
            services =>
            {
                services.AddSingleton(progress).AddScoped<NaiveConsumer>().AddDbContextPool<NaiveContext>(o => o.UseNpgsql(work.Database));
                if (prefetch is not null)
                {
                    // With thousands at work it loses the race for a key often, and EF Core would write a page for each.
                    services.AddLogging(logging => logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.None));
                }
            },
            (endpoint, context) =>
            {
                if (prefetch is { } count)
                {
                    endpoint.PrefetchCount = count;
                }

                endpoint.Consumer<NaiveConsumer>(context);
            });
        return progress.PerSecond;
    }
}

internal sealed class NaiveContext(DbContextOptions<NaiveContext> options) : DbContext(options)
{
    public const string Tables = """
        CREATE TABLE naive_processed (key varchar(255) PRIMARY KEY);
        CREATE TABLE naive_orders (order_id uuid NOT NULL, key varchar(255) NOT NULL, item varchar(200) NOT NULL, quantity integer NOT NULL, PRIMARY KEY (order_id));
        """;

    public DbSet<Processed> Processed => Set<Processed>();

    public DbSet<NaiveOrder> Orders => Set<NaiveOrder>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Processed>().ToTable("naive_processed").HasKey(p => p.Key);
        modelBuilder.Entity<Processed>().Property(p => p.Key).HasColumnName("key");
        modelBuilder.Entity<NaiveOrder>(table =>
        {
            table.ToTable("naive_orders").HasKey(o => o.OrderId);
            table.Property(o => o.OrderId).HasColumnName("order_id");
            table.Property(o => o.Key).HasColumnName("key");
            table.Property(o => o.Item).HasColumnName("item");
            table.Property(o => o.Quantity).HasColumnName("quantity");
        });
    }
}

internal sealed class Processed
{
    public required string Key { get; init; }
}

internal sealed class NaiveOrder
{
    public required Guid OrderId { get; init; }

    public required string Key { get; init; }

    public required string Item { get; init; }

    public required int Quantity { get; init; }
}
