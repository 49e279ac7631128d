using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Messaging.Publisher;
using Messaging.Transactional;

namespace Messaging.Unit;

public sealed class SettingsTests
{
    /// <summary>Of every section that is one flat class. Clients and Authentication are trees and are written out by hand.</summary>
    private static readonly object[] Sections =
    [
        new AcceptOptions(), new DispatchOptions(), new InboxOptions(), new RetentionOptions(), new ReconcileOptions(),
        new PublisherOptions(), new IdempotencyOptions(), new PaymentsOptions(), new LimitsOptions(), new WaitingOptions(),
    ];

    public static TheoryData<string, string, string> Settings()
    {
        var settings = new TheoryData<string, string, string>();
        foreach (var section in Sections)
        {
            var name = section.GetType().Name[..^"Options".Length];
            foreach (var property in section.GetType().GetProperties())
            {
                settings.Add($"{name}__{property.Name}", DefaultOf(property, section), RangeOf(property));
            }
        }

        return settings;
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void The_readme_shows_each_setting_with_its_default_and_its_range(string setting, string defaultValue, string range)
    {
        var row = Document.Readme.Text.Split('\n').SingleOrDefault(line => line.StartsWith($"| `{setting}` |", StringComparison.Ordinal));

        Assert.True(row is not null, $"README.md, Settings, has no row for {setting}. Add: | `{setting}` | {defaultValue} | {range} | what it does |");
        var cells = row.Split('|', StringSplitOptions.TrimEntries);
        Assert.Equal((defaultValue, range), (cells[2], cells[3]));
        Assert.NotEmpty(cells[4]);
    }

    [Fact]
    public void Every_options_class_of_the_engine_and_the_publisher_is_among_them()
    {
        var classes = from assembly in new[] { typeof(AcceptOptions).Assembly, typeof(LimitsOptions).Assembly }
                      from type in assembly.GetTypes()
                      where type.Name.EndsWith("Options", StringComparison.Ordinal) && type.GetProperties().Any(p => p.GetCustomAttribute<RangeAttribute>() is not null)
                      select type;

        Assert.Empty(classes.Except(Sections.Select(section => section.GetType())));
    }

    private static string DefaultOf(PropertyInfo property, object section) => property.GetValue(section) switch
    {
        null => "",
        bool value => value ? "`true`" : "`false`",
        var value => $"`{Convert.ToString(value, CultureInfo.InvariantCulture)}`",
    };

    private static string RangeOf(PropertyInfo property) =>
        property.PropertyType == typeof(bool) ? "`true`, `false`"
        : property.GetCustomAttribute<RangeAttribute>() is { } range ? string.Create(CultureInfo.InvariantCulture, $"{range.Minimum}–{range.Maximum}")
        : "";
}
