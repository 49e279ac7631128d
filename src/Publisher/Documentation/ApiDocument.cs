using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace Messaging.Publisher;

/// <summary><c>/openapi/v1.json</c>, and <c>/docs</c> to read it and try it: a page whose script this service serves itself.</summary>
internal static class ApiDocument
{
    /// <summary>Scripts and styles of its own only, and the inline ones that the page is made of.</summary>
    private const string PagePolicy =
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.ShouldInclude = description => description.HttpMethod != HttpMethods.Head; // It is GET's, and says nothing of its own.
        options.AddDocumentTransformer(Describe);
        options.AddOperationTransformer(OperationDescription.Describe);
    });

    public static void MapApiDocument(this IEndpointRouteBuilder app)
    {
        app.MapGet("/", () => TypedResults.Redirect("docs/")).ExcludeFromDescription();
        app.MapOpenApi("/openapi/v1.json");
        var page = app.MapScalarApiReference("/docs", options => options
            .WithTitle("Messaging")
            .WithOpenApiRoutePattern("/openapi/v1.json")
            .DisableDefaultFonts()
            .DisableTelemetry()
            .DisableAgent()
            .DisableMcp()
            .HideDeveloperTools()
            .ExpandAllTags()
            .HideClientButton());
        page.AddEndpointFilter((context, next) =>
        {
            // The page would be there for any name, each time without a document to show.
            if (context.HttpContext.GetRouteValue("documentName") is not null)
            {
                return ValueTask.FromResult<object?>(ProblemAnswers.NothingHere);
            }

            context.HttpContext.Response.Headers.ContentSecurityPolicy = PagePolicy;
            return next(context);
        });
    }

    private static Task Describe(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Messaging",
            Version = "1",
            Description = """
                Submits orders and payments that take effect exactly once, however often a request is sent.

                Send every submission with an `Idempotency-Key` of your own, and send it again, unchanged, whenever you are not sure
                that it arrived: all answers are the answer to the first. Keys are kept at least 24 hours, 7 days unless configured
                otherwise; `key_expires_at` of a status says until when.
                """,
        };
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Tags = new HashSet<OpenApiTag> { new() { Name = "Orders" }, new() { Name = "Payments" } };
        document.Components ??= new OpenApiComponents();
        document.Components.Schemas = ApiSchemas.All;
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            ["bearer"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An API key, or a token of the configured identity provider." },
            ["api_key"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "X-Api-Key", Description = "An API key." },
        };
        document.Security =
        [
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("bearer", document)] = [] },
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("api_key", document)] = [] },
        ];
        return Task.CompletedTask;
    }
}
