using Messaging.Consumer;
using Messaging.Transactional;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Database;

/// <summary>A message that the business always refuses.</summary>
public sealed record Refuse;

internal sealed class RefuseHandler : IHandler<Refuse, ConsumerContext>
{
    public Task<Outcome> HandleAsync(Incoming<Refuse> incoming, ConsumerContext database, CancellationToken cancellationToken) =>
        Task.FromResult(Outcome.Refused("closed", "We are closed."));
}

internal static class Refusals
{
    public static void AddInboxForRefusals(this IServiceCollection services, EngineSetup setup) =>
        services.AddInbox<ConsumerContext>(setup.Configuration).Handle<Refuse, RefuseHandler>("refuse");
}
