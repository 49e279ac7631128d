using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Messaging.Transactional;

/// <summary>Adds the engine to a service.</summary>
public static class TransactionalServices
{
    /// <summary>
    /// Accepting and dispatching on the database that <c>Database__Provider</c> and <c>ConnectionStrings__Orders</c> name:
    /// <see cref="Submissions"/>, the dispatcher, and the health check <c>database</c> (tag <c>ready</c>).
    /// </summary>
    public static IServiceCollection AddTransactional(this IServiceCollection services, IConfiguration configuration) => throw new NotImplementedException();
}
