using Messaging.Transactional;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Options;

namespace Messaging.Publisher;

/// <summary>Who may call: API keys, tokens, and (where the host allows it) anyone on this machine.</summary>
internal static class ClientServices
{
    /// <summary>A file of clients that is read anew whenever it changes.</summary>
    private const string ClientsFile = "Authentication:ClientsFile";

    /// <summary>Names none: <see cref="ClientAuthentication"/> asks for a token's scheme itself, when there is a token.</summary>
    private const string NoScheme = "none";

    public static void AddClients(this WebApplicationBuilder builder, bool anonymousOnLoopback)
    {
        AddClientsFile(builder.Configuration, Path.GetFullPath(builder.Configuration[ClientsFile] ?? "clients.json", builder.Environment.ContentRootPath));
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<ClientsOptions>, ClientsOptionsValidator>();
        services.AddOptions<ClientsOptions>().Bind(builder.Configuration).ValidateOnStart();
        services.AddSingleton<IValidateOptions<AuthenticationOptions>, AuthenticationOptionsValidator>();
        services.AddOptions<AuthenticationOptions>().BindConfiguration("Authentication").ValidateOnStart();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton(provider => new AnonymousAccess(
            (anonymousOnLoopback || builder.Environment.IsDevelopment())
            && provider.GetRequiredService<IOptions<AuthenticationOptions>>().Value.Anonymous != false));
        if (builder.Configuration["Authentication:Jwt:Authority"] is not null)
        {
            AddTokens(services);
        }
    }

    /// <summary>
    /// Looks at the one file every few seconds. A watch of the operating system would be on everything below its folder, and where a
    /// database file lies there, every write to that is an event.
    /// </summary>
    private static void AddClientsFile(ConfigurationManager configuration, string path)
    {
        var folder = Path.GetDirectoryName(path);
        while (folder is not null && !Directory.Exists(folder))
        {
            folder = Path.GetDirectoryName(folder);
        }

        if (folder is null || Path.EndsInDirectorySeparator(path))
        {
            throw new SettingException("Authentication__ClientsFile", $"{path} (no file)", "the path of a JSON file, which need not be there yet");
        }

        var files = new PhysicalFileProvider(folder) { UsePollingFileWatcher = true, UseActivePolling = true };
        configuration.AddJsonFile(files, Path.GetRelativePath(folder, path), optional: true, reloadOnChange: true);
    }

    /// <summary>Only where there are tokens: with it comes a step that every request goes through.</summary>
    private static void AddTokens(IServiceCollection services)
    {
        // The one scheme there is would be tried on every request, also on those that carry an API key: it costs an exception each.
        services.AddAuthentication(options => options.DefaultAuthenticateScheme = NoScheme).AddJwtBearer();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme).Configure<IOptions<AuthenticationOptions>>((bearer, options) =>
        {
            var jwt = options.Value.Jwt;
            bearer.Authority = jwt.Authority;
            bearer.Audience = jwt.Audience;
            bearer.MapInboundClaims = false;
            bearer.RequireHttpsMetadata = jwt.Authority is null || !new Uri(jwt.Authority).IsLoopback;
            bearer.TokenValidationParameters.ValidAlgorithms = jwt.Algorithms.Count > 0 ? jwt.Algorithms : JwtOptions.AllAlgorithms;
            bearer.TokenValidationParameters.ValidateAudience = true;
            bearer.TokenValidationParameters.RequireExpirationTime = true;
            bearer.TokenValidationParameters.RequireSignedTokens = true;
        });
    }
}

/// <summary>Refuses to start a service that nobody may call, or that anybody could.</summary>
internal static class ClientsRequired
{
    public static void Check(IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<AuthenticationOptions>>().Value;
        var anonymous = services.GetRequiredService<AnonymousAccess>();
        if (options.Anonymous == true && !anonymous.Allowed)
        {
            throw new SettingException("Authentication__Anonymous", "true", "false, and configure clients: anonymous access exists only in Development and Standalone");
        }

        var clients = services.GetRequiredService<IOptionsMonitor<ClientsOptions>>().CurrentValue.Clients.Values;
        if (!anonymous.Allowed && options.Jwt.Authority is null && !clients.Any(client => client.Keys.Count > 0))
        {
            throw new SettingException("Clients__NAME__Keys__0", null, "the hash of an API key (the command new-key NAME makes both), or set Authentication__Jwt__Authority");
        }
    }
}
