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
        var defaultCurrency = builder.Configuration["Payments:DefaultCurrency"] ?? "EUR";
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

    /// <summary>The way that <c>Inbox__Way</c> names.</summary>
    /// <param name="configuration">The service's configuration.</param>
    /// <exception cref="SettingException">There is no such way.</exception>
    public static ReceiveWay ReadReceiveWay(this IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var name = configuration["Inbox:Way"];
        return string.IsNullOrEmpty(name) ? ReceiveWay.Direct
            : Enum.GetNames<ReceiveWay>().Contains(name, StringComparer.OrdinalIgnoreCase) ? Enum.Parse<ReceiveWay>(name, ignoreCase: true)
            : throw new SettingException("Inbox__Way", name, "Direct, ReceivePipe or ConsumePipe");
    }

    /// <summary>The receive endpoints, on whichever transport the bus has, below its consume pipe.</summary>
    /// <param name="bus">The bus being configured.</param>
    /// <param name="context">Its registrations.</param>
    public static void ReceiveSubmissions(this IBusFactoryConfigurator bus, IBusRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(bus);
        bus.ReceiveEndpoint(SubmitOrder.Queue, e => e.UseInbox(context, SubmitOrder.Operation));
        bus.ReceiveEndpoint(CapturePayment.Queue, e => e.UseInbox(context, CapturePayment.Operation));
    }

    /// <summary>The same endpoints, with consumers.</summary>
    /// <param name="bus">The bus being configured.</param>
    /// <param name="context">Its registrations.</param>
    public static void ConsumeSubmissions(this IBusFactoryConfigurator bus, IBusRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(bus);
        bus.ReceiveEndpoint(SubmitOrder.Queue, e =>
        {
            e.UseInboxInConsumer(context, SubmitOrder.Operation);
            e.Consumer<SubmitOrderConsumer>();
        });
        bus.ReceiveEndpoint(CapturePayment.Queue, e =>
        {
            e.UseInboxInConsumer(context, CapturePayment.Operation);
            e.Consumer<CapturePaymentConsumer>();
        });
    }

    /// <summary>The same queues without MassTransit, on RabbitMQ only.</summary>
    /// <param name="services">After <c>UseRabbitMqTransport</c>.</param>
    public static IServiceCollection ReceiveSubmissionsDirectly(this IServiceCollection services) => services
        .ReceiveDirectly(SubmitOrder.Queue, SubmitOrder.Operation)
        .ReceiveDirectly(CapturePayment.Queue, CapturePayment.Operation);
}
