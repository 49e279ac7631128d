using Microsoft.AspNetCore.Cors.Infrastructure;

namespace Messaging.Publisher;

/// <summary>Browsers of other origins, if <c>Cors__Origins__0</c> … name any: which may call, and which headers they may read.</summary>
internal static class Cors
{
    public static void AddFrontCors(this WebApplicationBuilder builder) =>
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => Allow(policy, Origins(builder.Configuration))));

    /// <summary>Not a step of any request where no origin is named.</summary>
    public static void UseFrontCors(this WebApplication app)
    {
        if (Origins(app.Configuration).Length > 0)
        {
            app.UseCors();
        }
    }

    private static string[] Origins(IConfiguration configuration) => configuration.GetSection("Cors:Origins").Get<string[]>() ?? [];

    private static void Allow(CorsPolicyBuilder policy, string[] origins) => policy
        .WithOrigins(origins)
        .WithMethods("GET", "POST")
        .WithHeaders("Content-Type", "Authorization", "X-Api-Key", IdempotencyKey.Header, "Prefer", "Last-Event-ID")
        .WithExposedHeaders("Location", "Retry-After", IdempotencyKey.Header, Acceptance.ReplayedHeader, "Preference-Applied");
}
