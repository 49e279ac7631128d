using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;

namespace Messaging.Transactional;

/// <summary>The server's own lines for each request, which a probe every few seconds would fill a log with.</summary>
public static class RequestLog
{
    /// <summary>Off, unless <c>Logging__LogLevel__Microsoft.AspNetCore</c> says otherwise: this stands below every other source.</summary>
    /// <param name="configuration">Of a program that serves HTTP.</param>
    public static void SilenceRequestLog(this IConfigurationBuilder configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("Logging:LogLevel:Microsoft.AspNetCore", "Warning")] });
    }
}
