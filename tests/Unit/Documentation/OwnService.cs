using MassTransit;
using Messaging.Transactional;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Unit;

internal sealed record ReserveStock(string Sku, int Quantity);

internal sealed record StockReserved(string Sku);

internal sealed record Reservation(Guid Id, string Sku, int Quantity);

internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Reservation> Reservations => Set<Reservation>();
}

// README: handler
internal sealed class ReserveStockHandler : IHandler<ReserveStock, ShopContext>
{
    public Task<Outcome> HandleAsync(Incoming<ReserveStock> incoming, ShopContext database, CancellationToken cancellationToken)
    {
        database.Reservations.Add(new Reservation(Guid.CreateVersion7(), incoming.Message.Sku, incoming.Message.Quantity));
        return Task.FromResult(Outcome.Completed("reserved").Publishing(new StockReserved(incoming.Message.Sku)));
    }
}
// README: end

// README: consumer
internal sealed class ReserveStockConsumer : IConsumer<ReserveStock>
{
    public Task Consume(ConsumeContext<ReserveStock> context) => context.ProcessOnceAsync();
}
// README: end

/// <summary>The README's sample of a service of somebody else's. What stands between the marks is compared with the README.</summary>
internal static class OwnService
{
    public static void AddEngineTo(WebApplicationBuilder builder)
    {
        // README: engine
        // AddDbContext, not AddDbContextPool: a handler that is given up must not go on with a context that is another batch's by then.
        builder.Services.AddDbContext<ShopContext>((services, options) => services.GetRequiredService<Database>().Configure(options));

        builder.Services.AddInbox<ShopContext>(builder.Configuration).Handle<ReserveStock, ReserveStockHandler>("reserve-stock");
        builder.Services.UseRabbitMqTransport(builder.Configuration, topology => topology.Queue("reservations").Event<StockReserved>());
        // README: end
    }

    public static void AddEndpointTo(WebApplicationBuilder builder)
    {
        // README: endpoint
        builder.Services.AddMassTransit(x => x.UsingRabbitMq((context, bus) =>
        {
            bus.Host(context.GetRequiredService<RabbitMqOptions>());
            bus.ReceiveEndpoint("reservations", endpoint => endpoint.UseInbox(context, "reserve-stock"));
        }));
        // README: end
    }

    public static void AddConsumerTo(WebApplicationBuilder builder)
    {
        // README: consumer endpoint
        builder.Services.AddMassTransit(x =>
        {
            x.AddConsumer<ReserveStockConsumer>();
            x.UsingRabbitMq((context, bus) =>
            {
                bus.Host(context.GetRequiredService<RabbitMqOptions>());
                bus.ReceiveEndpoint("reservations", endpoint =>
                {
                    endpoint.UseInboxInConsumer(context, "reserve-stock");
                    endpoint.ConfigureConsumer<ReserveStockConsumer>(context);
                });
            });
        });
        // README: end
    }
}
