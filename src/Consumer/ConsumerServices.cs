using MassTransit;
using Messaging.Contracts;
using Messaging.Transactional;

namespace Messaging.Consumer;

/// <summary>The worker: which operations it handles, and which queues feed them. Standalone hosts the same in its own process.</summary>
public static class ConsumerServices
{
    /// <summary>The handlers and their database.</summary>
    /// <param name="builder">Of the process that runs them.</param>
    public static void AddConsumer(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var defaultCurrency = CapturePaymentMessages.ReadDefaultCurrency(builder.Configuration);
        // EF Core tells every statement at Information: two for each batch.
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Services.AddConsumerContext(DatabaseOptions.Read(builder.Configuration).Provider);
        var orders = builder.Configuration.GetSection("Orders").Get<OrdersOptions>() ?? new OrdersOptions();
        builder.Services.AddSingleton(orders);
        var inbox = builder.Services.AddInbox<ConsumerContext>(builder.Configuration)
            .WithMigrations()
            .Handle<CapturePayment, CapturePaymentHandler>(CapturePayment.Operation, o =>
            {
                o.FromPayload = payload => CapturePaymentMessages.FromPayload(payload, defaultCurrency);
                o.Validate = CapturePaymentMessages.FindProblem;
            });
        _ = orders.SetBased
            ? inbox.HandleBatch<SubmitOrder, SubmitOrdersHandler>(SubmitOrder.Operation, ReadOrders)
            : inbox.Handle<SubmitOrder, SubmitOrderHandler>(SubmitOrder.Operation, ReadOrders);

        // Keys of foreign producers have no publisher that would forget them.
        builder.Services.AddRetention();

        static void ReadOrders(OperationOptions<SubmitOrder> o)
        {
            o.FromPayload = SubmitOrderMessages.FromPayload;
            o.Validate = SubmitOrderMessages.FindProblem;
        }
    }

    /// <summary>The receive endpoints of the queues that are not received directly, on whichever transport the bus has.</summary>
    /// <param name="bus">The bus being configured.</param>
    /// <param name="context">Its registrations.</param>
    /// <param name="ways">The way of each queue.</param>
    public static void ReceiveSubmissions(this IBusFactoryConfigurator bus, IBusRegistrationContext context, ReceiveWays ways)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(ways);
        Receive<SubmitOrderConsumer>(bus, context, ways.Orders, SubmitOrder.Queue, SubmitOrder.Operation);
        Receive<CapturePaymentConsumer>(bus, context, ways.Payments, CapturePayment.Queue, CapturePayment.Operation);
    }

    /// <summary>The queues that are received directly, on RabbitMQ only.</summary>
    /// <param name="services">After <c>UseRabbitMqTransport</c>.</param>
    /// <param name="ways">The way of each queue.</param>
    public static IServiceCollection ReceiveSubmissions(this IServiceCollection services, ReceiveWays ways)
    {
        ArgumentNullException.ThrowIfNull(ways);
        if (ways.Orders == ReceiveWay.Direct)
        {
            services.ReceiveDirectly(SubmitOrder.Queue, SubmitOrder.Operation);
        }

        if (ways.Payments == ReceiveWay.Direct)
        {
            services.ReceiveDirectly(CapturePayment.Queue, CapturePayment.Operation);
        }

        return services;
    }

    private static void Receive<TConsumer>(IBusFactoryConfigurator bus, IBusRegistrationContext context, ReceiveWay way, string queue, string operation)
        where TConsumer : class, IConsumer, new()
    {
        switch (way)
        {
            case ReceiveWay.ReceivePipe:
                bus.ReceiveEndpoint(queue, endpoint => endpoint.UseInbox(context, operation));
                break;
            case ReceiveWay.ConsumePipe:
                bus.ReceiveEndpoint(queue, endpoint =>
                {
                    endpoint.UseInboxInConsumer(context, operation);
                    endpoint.Consumer<TConsumer>();
                });
                break;
            default:
                break;
        }
    }
}
