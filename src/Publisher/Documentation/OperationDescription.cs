using System.Text.Json.Nodes;
using Messaging.Contracts;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Messaging.Publisher;

/// <summary>Headers, bodies, statuses and examples of each operation.</summary>
internal static class OperationDescription
{
    private const string Json = "application/json";

    /// <summary>What any request under <c>/api</c> may be answered.</summary>
    private static readonly ProblemType[] Always =
        [ProblemType.Unauthorized, ProblemType.Forbidden, ProblemType.RateLimited, ProblemType.Internal, ProblemType.Unavailable, ProblemType.Overloaded];

    private static readonly ProblemType[] OfSubmission =
    [
        ProblemType.KeyRequired, ProblemType.KeyMalformed, ProblemType.KeyInvalid, ProblemType.Validation, ProblemType.KeyInFlight,
        ProblemType.BodyTooLarge, ProblemType.MediaType, ProblemType.KeyReused, ProblemType.TooManyNewKeys,
    ];

    public static Task Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<OperationMetadata>().FirstOrDefault() is not { } metadata || context.Document is not { } document)
        {
            return Task.CompletedTask;
        }

        var noun = metadata.Operation == SubmitOrder.Operation ? "Order" : "Payment";
        operation.Tags = new HashSet<OpenApiTagReference> { new(noun + "s", document) };
        operation.Responses = [];
        if (context.Description.HttpMethod == HttpMethods.Post)
        {
            DescribeSubmission(operation, document, noun);
        }
        else if (context.Description.RelativePath!.EndsWith("/events", StringComparison.Ordinal))
        {
            DescribeEvents(operation, noun);
        }
        else
        {
            DescribeStatus(operation, document, noun);
        }

        foreach (var status in Always.Concat(context.Description.HttpMethod == HttpMethods.Post ? OfSubmission : [ProblemType.NotFound]).GroupBy(type => type.Status))
        {
            AddProblems(operation, document, status.Key, [.. status]);
        }

        return Task.CompletedTask;
    }

    private static void DescribeSubmission(OpenApiOperation operation, OpenApiDocument document, string noun)
    {
        operation.OperationId = $"submit{noun}";
        operation.Summary = noun == "Order" ? "Submit an order" : "Submit a payment";
        operation.Description = "Takes effect exactly once per key, however often it is sent.";
        operation.Parameters =
        [
            Header(IdempotencyKey.Header, required: true, "A value that no other request of yours uses: an RFC 9651 String of 1 to 255 characters, or the same without quotes.", noun == "Order" ? "unique-key-123" : "abc123"),
            Header("Prefer", required: false, "wait=N holds the answer until the outcome is there, N seconds at most.", "wait=10"),
        ];
        var example = noun == "Order" ? """{"item":"book","quantity":1}""" : """{"amount":100}""";
        operation.RequestBody = new OpenApiRequestBody { Required = true, Content = Content(document, noun + "Request", example) };
        operation.Responses!["202"] = new OpenApiResponse
        {
            Description = "Accepted. Every repetition of the request gets these very bytes, with Idempotent-Replayed.",
            Headers = Headers("Location", "Retry-After", IdempotencyKey.Header, Acceptance.ReplayedHeader),
            Content = Content(document, noun + "Acceptance", noun == "Order"
                ? """{"order_id":"019aa1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b","item":"book","quantity":1,"status":"accepted"}"""
                : """{"payment_id":"019aa1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b","amount":100,"currency":"EUR","status":"accepted"}"""),
        };
        operation.Responses["201"] = new OpenApiResponse
        {
            Description = "With Prefer: wait, it took effect in time.",
            Headers = Headers("Location", IdempotencyKey.Header, Acceptance.ReplayedHeader, "Preference-Applied"),
            Content = Content(document, noun + "Status", StatusExample(noun, failed: false)),
        };
        operation.Responses["200"] = new OpenApiResponse
        {
            Description = "With Prefer: wait, it was refused by the business in time; status is failed.",
            Headers = Headers("Location", IdempotencyKey.Header, Acceptance.ReplayedHeader, "Preference-Applied"),
            Content = Content(document, noun + "Status", StatusExample(noun, failed: true)),
        };
    }

    private static void DescribeStatus(OpenApiOperation operation, OpenApiDocument document, string noun)
    {
        operation.OperationId = $"get{noun}";
        operation.Summary = noun == "Order" ? "Look at an order" : "Look at a payment";
        operation.Description = "The status is kept as long as the key: at least 24 hours, 7 days by default, until key_expires_at.";
        operation.Parameters = [Id(noun), Header("Prefer", required: false, "wait=N holds the answer until the outcome is there, N seconds at most.", "wait=10")];
        operation.Responses!["200"] = new OpenApiResponse
        {
            Description = "How far it has come. Retry-After is there while the outcome is not.",
            Headers = Headers("Retry-After", "Preference-Applied"),
            Content = Content(document, noun + "Status", StatusExample(noun, failed: false)),
        };
    }

    private static void DescribeEvents(OpenApiOperation operation, string noun)
    {
        operation.OperationId = $"follow{noun}";
        operation.Summary = noun == "Order" ? "Follow an order" : "Follow a payment";
        operation.Description = "Server-sent events: the status now, then one event per change; the stream ends after the final one.";
        operation.Parameters = [Id(noun), Header("Last-Event-ID", required: false, "The last event seen, as event streams send it by themselves.", "accepted")];
        operation.Responses!["200"] = new OpenApiResponse
        {
            Description = "Events named status, each with the status body.",
            Content = new Dictionary<string, OpenApiMediaType> { ["text/event-stream"] = new() { Schema = new OpenApiSchema { Type = JsonSchemaType.String } } },
        };
        operation.Responses["204"] = new OpenApiResponse { Description = "The final event was seen already: do not connect again." };
    }

    private static string StatusExample(string noun, bool failed)
    {
        const string Id = "019aa1b2-5c3d-7e4f-8a9b-0c1d2e3f4a5b";
        var (id, submitted, word) = noun == "Order" ? ("order_id", "\"item\":\"book\",\"quantity\":1", "created") : ("payment_id", "\"amount\":100,\"currency\":\"EUR\"", "captured");
        var outcome = failed
            ? """
              "status":"failed","error":{"code":"refused","detail":"Why the business said no."}
              """
            : $$$"""
              "status":"{{{word}}}","result":{"{{{id}}}":"{{{Id}}}"}
              """;
        return $$"""{"{{id}}":"{{Id}}",{{submitted}},{{outcome}},"accepted_at":"2026-01-02T03:04:05.678Z","completed_at":"2026-01-02T03:04:05.714Z","key_expires_at":"2026-01-09T03:04:05.678Z"}""";
    }

    private static void AddProblems(OpenApiOperation operation, OpenApiDocument document, int status, ProblemType[] types) =>
        operation.Responses![status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = new OpenApiResponse
        {
            Description = string.Join("\n", types.Select(type => $"`{type.Code}`: {type.Title} {type.Mend}")),
            Headers = status switch
            {
                401 => Headers("WWW-Authenticate"),
                409 or 429 or 503 => Headers("Retry-After"),
                415 => Headers("Accept"),
                _ => null,
            },
            Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference("Problem", document) } },
        };

    private static Dictionary<string, OpenApiMediaType> Content(OpenApiDocument document, string schema, string? example = null) => new()
    {
        [Json] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(schema, document), Example = example is null ? null : JsonNode.Parse(example) },
    };

    private static OpenApiParameter Id(string noun) => new()
    {
        Name = noun == "Order" ? "order_id" : "payment_id",
        In = ParameterLocation.Path,
        Required = true,
        Description = "From the acceptance.",
        Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uuid" },
    };

    private static OpenApiParameter Header(string name, bool required, string description, string example) => new()
    {
        Name = name,
        In = ParameterLocation.Header,
        Required = required,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        Example = example,
    };

    private static Dictionary<string, IOpenApiHeader> Headers(params string[] names) => names.ToDictionary(
        name => name,
        name => (IOpenApiHeader)new OpenApiHeader
        {
            Description = name switch
            {
                "Location" => "Path of the status.",
                "Retry-After" => "Seconds after which it is worth while to ask again.",
                IdempotencyKey.Header => "The key, as it was sent.",
                Acceptance.ReplayedHeader => "true if the key was known.",
                "Preference-Applied" => "The wait that was granted.",
                _ => null,
            },
            Schema = new OpenApiSchema { Type = name == "Retry-After" ? JsonSchemaType.Integer : JsonSchemaType.String },
        });
}
