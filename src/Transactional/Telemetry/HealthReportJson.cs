using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Messaging.Transactional;

/// <summary>What a service answers to whoever asks for its health: each check, how it stands, and what it lacks.</summary>
internal static class HealthReportJson
{
    /// <summary>Of the descriptions only: an exception may hold a connection string, and anyone may read this.</summary>
    /// <returns>UTF-8: <c>{"status":"healthy|degraded|unhealthy","checks":{"name":{"status","description"}}}</c>.</returns>
    public static byte[] Of(HealthReport report)
    {
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text))
        {
            writer.WriteStartObject();
            writer.WriteString("status"u8, Word(report.Status));
            writer.WriteStartObject("checks"u8);
            foreach (var (name, entry) in report.Entries)
            {
                writer.WriteStartObject(name);
                writer.WriteString("status"u8, Word(entry.Status));
                if (entry.Description is { } description)
                {
                    writer.WriteString("description"u8, description);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return text.ToArray();
    }

    private static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };
}
